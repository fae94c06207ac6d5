"""The site: settings, URLs, servers, embedded services. No business rule lives here."""
