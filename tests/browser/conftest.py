"""A real Chromium or Chrome against the live server; every page that it opens must stay free of errors."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from apps.core.models import User
from apps.customers.models import Customer
from tests.browser.absence import NO_BROWSER
from tests.builders import PASSWORD, make_customer, make_member

# Playwright's synchronous interface runs an event loop in this thread, which makes Django refuse the database.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)


def found_browser() -> str | None:
    """Return the Chromium or Chrome of this machine; METERBOOK_BROWSER names another one, and no other."""
    named = os.environ.get("METERBOOK_BROWSER")
    return next((path for name in ((named,) if named else NAMES) if (path := shutil.which(name))), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in here:
        item.add_marker(pytest.mark.browser)
        # One worker starts one browser.
        item.add_marker(pytest.mark.xdist_group("browser"))
        if found_browser() is None:
            item.add_marker(pytest.mark.skip(reason=NO_BROWSER))


@dataclass(slots=True)
class Portal:
    """A window of the browser, on pages of the live server."""

    page: Page
    base: str
    troubles: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Open a page, and wait until its charts are drawn."""
        self.page.goto(self.base + path)
        self.page.evaluate("document.fonts.ready.then(() => true)")

    def sign_in(self, user: User) -> None:
        """Sign in with a password."""
        self.open("/accounts/login/")
        self.page.get_by_label("Email").fill(user.email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in", exact=True).click()
        self.page.wait_for_url(lambda url: "/accounts/login/" not in url)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found_browser(), args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(
        viewport={"width": 1440, "height": 900}, locale="en-US", accept_downloads=True
    )
    yield opened
    opened.close()


@pytest.fixture
def portal(live_server: object, context: BrowserContext) -> Iterator[Portal]:
    """Give a window whose every error, also of the content security policy, fails the test."""
    window = Portal(context.new_page(), str(live_server))
    window.page.on("console", lambda message: _note(window, message))
    window.page.on("pageerror", lambda error: window.troubles.append(str(error)))
    yield window
    assert window.troubles == []


@pytest.fixture
def acme(live_server: object) -> Customer:
    return make_customer("acme", name="Acme")


@pytest.fixture
def member(acme: Customer) -> User:
    return make_member(acme)


def _note(window: Portal, message: ConsoleMessage) -> None:
    if message.type in {"error", "warning"}:
        window.troubles.append(f"{message.type}: {message.text}")
