"""How Django's own pages write days and instants, as the rest of the site does; instants are UTC."""

DATE_FORMAT = "M j, Y"
DATETIME_FORMAT = r"M j, Y, H:i \U\T\C"
TIME_FORMAT = r"H:i \U\T\C"
SHORT_DATE_FORMAT = DATE_FORMAT
SHORT_DATETIME_FORMAT = DATETIME_FORMAT
