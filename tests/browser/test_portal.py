"""A member in a real browser: signing in, reading figures, taking the document home."""

import re
from datetime import date, timedelta

import pytest
from django.core import mail
from playwright.sync_api import expect

from apps.contracts.models import Contract
from apps.core import clock
from apps.core.models import User
from apps.customers.models import Customer
from apps.invoices import close, finalize
from apps.invoices.models import Invoice
from tests.browser.conftest import Portal
from tests.builders import (
    PASSWORD,
    fee_charge,
    make_contract,
    make_customer,
    make_member,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import ACTOR, use
from tests.portal.contracts import make_call_contract

PAGES = ("", "usage/", "invoices/", "invoices/{number}/")


@pytest.fixture
def contract(acme: Customer) -> Contract:
    """499 a month and calls at 0.01, by model: in the last month 5,000 calls, in this one 12,345 and 655."""
    today = clock.now().date()
    signed = make_call_contract(
        acme, [fee_charge(), usage_charge()], dimensions=["model"], starts_on=_month_before(today)
    )
    use(signed, "calls", "5000", day=_month_before(today), dimensions={"model": "large"})
    use(signed, "calls", "12345", day=today.replace(day=1), dimensions={"model": "large"})
    use(signed, "calls", "655", day=today.replace(day=1), dimensions={"model": "small"})
    return signed


@pytest.fixture
def invoice(contract: Contract) -> Invoice:
    closed = close.close_contract(contract_id=contract.pk, at=clock.now(), actor=ACTOR)
    return finalize.finalize(invoice_id=closed.drafts[0].pk, at=clock.now(), actor=ACTOR)


def test_a_member_signs_in_by_password_and_sees_the_spend(
    portal: Portal, member: User, contract: Contract
) -> None:
    """13,000 calls at 0.01 and the fee: 130.00 + 499.00 = 629.00."""
    portal.sign_in(member)

    expect(portal.page).to_have_url(f"{portal.base}/portal/c/acme/")
    expect(portal.page.locator(".headline .figure")).to_have_text("$629.00")
    expect(portal.page.get_by_role("row", name="Spend so far")).to_contain_text("629.00")
    expect(portal.page.locator("canvas")).to_be_visible()


def test_a_member_signs_in_by_a_code_from_the_mail(portal: Portal, member: User) -> None:
    portal.open("/accounts/login/")
    portal.page.get_by_role("link", name="E-mail me a sign-in code").click()
    portal.page.get_by_label("Email").fill(member.email)
    portal.page.get_by_role("button", name="Send the code").click()
    expect(portal.page.get_by_role("heading", name="Enter your code")).to_be_visible()

    code = re.search(r"^ {4}(\S+)$", str(mail.outbox[0].body), re.MULTILINE)
    assert code
    portal.page.get_by_label("Code").fill(code[1])
    portal.page.get_by_role("button", name="Sign in").click()

    expect(portal.page).to_have_url(f"{portal.base}/portal/c/acme/")


def test_the_invoice_opens_and_its_document_downloads(portal: Portal, member: User, invoice: Invoice) -> None:
    """5,000 calls at 0.01 and the fee: 50.00 + 499.00 = 549.00."""
    portal.sign_in(member)
    portal.page.get_by_role("link", name="Invoices").click()
    portal.page.get_by_role("link", name=str(invoice.number), exact=True).click()
    expect(portal.page.locator(".headline .figure")).to_have_text("$549.00")

    with portal.page.expect_download() as downloading:
        portal.page.get_by_role("link", name="Download the PDF").click()

    assert downloading.value.suggested_filename == f"{invoice.number}.pdf"
    assert downloading.value.path().read_bytes().startswith(b"%PDF-")


def test_a_range_changes_the_figures_and_the_address_without_a_reload(
    portal: Portal, member: User, contract: Contract
) -> None:
    portal.sign_in(member)
    portal.open("/portal/c/acme/usage/")
    portal.page.evaluate("window.stillHere = true")
    expect(portal.page.locator(".headline .figure")).to_have_text(re.compile("13.K calls"))

    portal.page.get_by_role("link", name="Last period").click()
    expect(portal.page.locator(".headline .figure")).to_have_text(re.compile("5.K calls"))

    assert "range=last" in portal.page.url
    assert portal.page.evaluate("window.stillHere") is True
    expect(portal.page.locator("canvas")).to_be_visible()


def test_the_pages_work_without_javascript(portal: Portal, member: User, contract: Contract) -> None:
    portal.sign_in(member)
    cookies = portal.page.context.cookies()
    browser = portal.page.context.browser
    assert browser
    plain = browser.new_context(java_script_enabled=False)
    plain.add_cookies(cookies)  # type: ignore[arg-type]
    page = plain.new_page()

    page.goto(f"{portal.base}/portal/c/acme/usage/")
    page.get_by_role("link", name="Last period").click()

    expect(page.locator(".headline .figure")).to_have_text(re.compile("5.K calls"))
    page.get_by_text("Show the figures").click()
    expect(page.locator(".plotted table")).to_be_visible()
    plain.close()


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_scrolls_sideways_on_a_phone(
    portal: Portal, member: User, invoice: Invoice, path: str, theme: str
) -> None:
    portal.sign_in(member)
    portal.page.set_viewport_size({"width": 360, "height": 740})
    portal.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]

    portal.open(f"/portal/c/acme/{path.format(number=invoice.number)}")

    assert portal.page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/login/code/", "/accounts/password/reset/"])
def test_the_pages_for_signing_in_fit_a_phone(portal: Portal, path: str) -> None:
    portal.page.set_viewport_size({"width": 360, "height": 740})

    portal.open(path)

    assert portal.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_one_customer_cannot_open_anothers_invoice(portal: Portal, member: User, invoice: Invoice) -> None:
    make_contract(other := make_customer("other", name="Other"))
    portal.sign_in(make_member(other, "member@other.example"))

    answer = portal.page.goto(f"{portal.base}/portal/c/acme/invoices/{invoice.number}/")

    assert answer
    assert answer.status == 404
    assert "Acme" not in portal.page.content()
    # The browser itself notes the 404, which is wanted here.
    portal.troubles.clear()


def test_a_hostile_name_runs_nothing(portal: Portal) -> None:
    hostile = make_customer(
        "hostile", name='"><img src=x onerror="window.hacked=1"><script>hacked=1</script>'
    )
    make_meter(name="<img src=x onerror='window.hacked=1'>", dimensions=["model"])
    contract = make_contract(
        hostile, make_plan_version([usage_charge(name="</script><script>window.hacked=1</script>")])
    )
    use(
        contract,
        "calls",
        "5",
        day=clock.now().date(),
        dimensions={"model": "</script><script>hacked=1</script>"},
    )
    portal.sign_in(make_member(hostile))

    for path in ("", "usage/", "invoices/"):
        portal.open(f"/portal/c/hostile/{path}")
        assert portal.page.evaluate("window.hacked") is None


def test_the_chosen_theme_stays(portal: Portal, member: User) -> None:
    portal.sign_in(member)
    portal.page.get_by_role("button", name="Light or dark").click()

    portal.open("/portal/c/acme/invoices/")

    assert portal.page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_a_member_enrolls_a_passkey_and_signs_in_with_it(portal: Portal, member: User) -> None:
    portal.base = portal.base.replace("127.0.0.1", "localhost")
    devices = portal.page.context.new_cdp_session(portal.page)
    devices.send("WebAuthn.enable")
    devices.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    portal.sign_in(member)
    portal.open("/accounts/2fa/webauthn/add/")
    portal.page.get_by_label("Password").fill(PASSWORD)
    portal.page.get_by_role("button", name="Confirm").click()
    portal.page.get_by_label("Name").fill("This laptop")
    portal.page.get_by_label("Passwordless").check()
    portal.page.get_by_role("button", name="Add").click()
    expect(
        portal.page.get_by_text("This laptop").or_(portal.page.get_by_text("Recovery")).first
    ).to_be_visible()
    portal.page.context.clear_cookies()

    portal.open("/accounts/login/")
    portal.page.get_by_role("button", name="Use a passkey").click()

    expect(portal.page).to_have_url(f"{portal.base}/portal/c/acme/")


def _month_before(day: date) -> date:
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)
