"""Makes the seller whose servers are tortured, in the database of DATABASE_URL, and prints an API key."""

import django
from django.core.management import call_command

CUSTOMERS = ("torture-1", "torture-2", "torture-3")


def main() -> None:
    """Migrate, sign one contract a customer on a plan that charges a sum, and print a key that may post."""
    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    from tests import builders  # noqa: PLC0415  after Django is set up

    builders.make_meter("tokens", event_type="llm.call", aggregation="sum", value_property="tokens")
    version = builders.make_plan_version([builders.usage_charge("tokens")])
    for key in CUSTOMERS:
        builders.make_contract(builders.make_customer(key), version)
    print(builders.make_api_key("events:write"))


if __name__ == "__main__":
    main()
