"""A real browser with the page in it."""

import json
import os
import shutil
import subprocess
from itertools import count
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import websocket
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.report.explorer.results import data_of

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--window-size=1280,900",
)


def digits(value: float) -> str:
    """Three of them, as the page prints numbers."""
    return f"{value:#.3g}".rstrip(".").replace("-", "−")


class Page:
    """The page in a browser, and the data that it should show."""

    def __init__(self, driver: Chrome, path: Path) -> None:
        self.driver, self.path, self.address = driver, path, path.as_uri()
        self.suite = data_of(path, "suite")
        self.pictures = data_of(path, "experiment-0")

    def open(self, *names: str, tail: str = "") -> None:
        """Open a view by its address, from anew."""
        self.driver.get("about:blank")
        hash_ = "#/" + "/".join(quote(name, safe="") for name in names) + tail
        self.driver.get(self.address + hash_)
        self.settle(*names)

    def settle(self, *names: str) -> None:
        """Wait until a view is shown."""
        key = json.dumps([*names, None, None][:2], ensure_ascii=False, separators=(",", ":"))
        ready = "return document.documentElement.dataset.ready"
        WebDriverWait(self.driver, 10).until(lambda _: self.run(ready) == key, f"view {key}")

    def run(self, script: str, *arguments: object) -> object:
        return self.driver.execute_script(script, *arguments)

    def wait(self, script: str, value: object) -> None:
        """Wait until a script gives a value."""
        WebDriverWait(self.driver, 20).until(lambda _: self.run(script) == value, script)

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        return str(self.run("return document.querySelector(arguments[0]).textContent", selector))

    def hover(self, element: WebElement) -> None:
        ActionChains(self.driver).move_to_element(element).perform()

    def press(self, *keys: str) -> None:
        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()

    def slide(self, place: int) -> None:
        self.run(
            "const e = document.getElementById('snapshot'); e.value = arguments[0];"
            "e.dispatchEvent(new Event('input', {bubbles: true}))",
            place,
        )

    def hash(self) -> str:
        return str(self.run("return location.hash"))

    def sideways(self) -> int:
        """Pixels that the view is wider than the screen."""
        return int(str(self.run("return document.documentElement.scrollWidth - innerWidth")))

    def emulate(self, width: int, height: int, **features: str) -> None:
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        media = [{"name": n.replace("_", "-"), "value": v} for n, v in features.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})


def open_chrome(profile: Path) -> Chrome | None:
    """A headless Chromium that keeps its profile in a folder; None if there is none."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    folders = (os.environ.get("CHROMEWEBDRIVER"), None)  # that CI images name; those on the path
    path = next(filter(None, (shutil.which("chromedriver", path=one) for one in folders)), None)
    if path is None or browser is None:
        return None
    options = ChromeOptions()
    options.binary_location = browser
    for switch in (*SWITCHES, f"--user-data-dir={profile}"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return Chrome(options, Service(path))


class Firefox:
    """A headless Firefox, spoken to by WebDriver BiDi: it needs no driver beside itself.

    Selenium would, and Debian has none.
    """

    def __init__(self, command: str, profile: Path) -> None:
        switches = ("--headless", "--no-remote", "--remote-debugging-port", "0")
        self.process = subprocess.Popen(
            [command, *switches, "--profile", str(profile)],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stderr is not None
        told = "WebDriver BiDi listening on "
        address = next(line for line in self.process.stderr if line.startswith(told))
        where = address.removeprefix(told).strip() + "/session"
        self.socket = websocket.create_connection(where, timeout=60, suppress_origin=True)
        self.numbers = count(1)
        self.events: list[dict[str, Any]] = []
        self.ask("session.new", capabilities={})
        self.ask("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])
        self.view = self.ask("browsingContext.getTree")["contexts"][0]["context"]

    @classmethod
    def command(cls) -> str | None:
        """Its name on this machine; None if there is none."""
        return next(filter(None, map(shutil.which, ("firefox", "firefox-esr"))), None)

    def ask(self, method: str, **parameters: object) -> dict[str, Any]:
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == number:
                assert answer["type"] == "success", answer
                found: dict[str, Any] = answer["result"]
                return found
            self.events.append(answer)

    def open(self, address: str) -> None:
        self.ask("browsingContext.navigate", context=self.view, url=address, wait="complete")

    def run(self, script: str) -> Any:
        """What an expression, or the promise that it gives, becomes as JSON."""
        target = {"context": self.view}
        given = {
            "expression": f"(async () => JSON.stringify(await ({script})))()",
            "target": target,
        }
        found = self.ask("script.evaluate", awaitPromise=True, **given)
        assert found["type"] == "success", found
        return json.loads(found["result"]["value"])

    def wait(self, condition: str) -> None:
        """Wait until an expression is true, at most 20 seconds."""
        tries = "Array.from({length: 200})"
        waiting = "await new Promise((done) => setTimeout(done, 100))"
        loop = (
            f"for (const _ of {tries}) {{ if ({condition}) return true; {waiting}; }} return false;"
        )
        assert self.run(f"(async () => {{ {loop} }})()"), condition

    def size(self, width: int, height: int) -> None:
        screen = {"width": width, "height": height}
        self.ask("browsingContext.setViewport", context=self.view, viewport=screen)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()
        self.process.terminate()
        self.process.wait(timeout=20)
