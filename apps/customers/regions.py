"""Codes of the states and provinces (ISO 3166-2) that have taxes of their own, by the names that addresses give."""

from babel import Locale

_US = (
    "AL Alabama,AK Alaska,AZ Arizona,AR Arkansas,CA California,CO Colorado,CT Connecticut,DE Delaware,"
    "DC District of Columbia,FL Florida,GA Georgia,HI Hawaii,ID Idaho,IL Illinois,IN Indiana,IA Iowa,KS Kansas,"
    "KY Kentucky,LA Louisiana,ME Maine,MD Maryland,MA Massachusetts,MI Michigan,MN Minnesota,MS Mississippi,"
    "MO Missouri,MT Montana,NE Nebraska,NV Nevada,NH New Hampshire,NJ New Jersey,NM New Mexico,NY New York,"
    "NC North Carolina,ND North Dakota,OH Ohio,OK Oklahoma,OR Oregon,PA Pennsylvania,PR Puerto Rico,RI Rhode Island,"
    "SC South Carolina,SD South Dakota,TN Tennessee,TX Texas,UT Utah,VT Vermont,VA Virginia,WA Washington,"
    "WV West Virginia,WI Wisconsin,WY Wyoming"
)
_CA = (
    "AB Alberta,BC British Columbia,MB Manitoba,NB New Brunswick,NL Newfoundland and Labrador,"
    "NT Northwest Territories,NS Nova Scotia,NU Nunavut,ON Ontario,PE Prince Edward Island,QC Quebec,"
    "SK Saskatchewan,YT Yukon"
)
_LISTED = {
    country: [(code, name) for code, _, name in (one.partition(" ") for one in listed.split(","))]
    for country, listed in {"US": _US, "CA": _CA}.items()
}
# Countries in which the state or province decides; by its name in lower case.
NAMED: dict[str, dict[str, str]] = {
    country: {name.lower(): code for code, name in listed} for country, listed in _LISTED.items()
}
_NAMES = {f"{country}-{code}": name for country, listed in _LISTED.items() for code, name in listed}


def name_of(place: str) -> str:
    """Return the name of a place of taxes in English, by its code: Germany for DE, Colorado for US-CO; what is not known as it is."""
    country: str = Locale("en").territories.get(place[:2], place)
    return _NAMES.get(place) or country


def code_of(region: str, country: str) -> str:
    """Return the code of a state or province as an address gives it, by code or by name; "" where it says neither."""
    text = region.strip()
    code = NAMED.get(country, {}).get(text.lower(), text.upper())
    if country in NAMED:
        return code if code in NAMED[country].values() else ""
    return code if len(code) <= 3 and code.isalnum() else ""
