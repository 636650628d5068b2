"""The docs' pictures of the embedded suite: its figures, and views of its explorer.

python -m tests.report.explorer.pictures      # after `make demo`; `make pictures` does both
"""

import shutil
import sys
import tempfile
from pathlib import Path

from selenium.webdriver.common.by import By

from tests.project import ROOT
from tests.report.explorer.browser import Page, open_chrome

RESULTS = ROOT / "results"
IMAGES = ROOT / "docs/images"
FIGURES = ("claims", "agreement")


def main() -> None:
    """Copy figures, and take pictures of two views."""
    for name in FIGURES:
        shutil.copyfile(RESULTS / f"figures/embedded/{name}.png", IMAGES / f"{name}.png")
    with tempfile.TemporaryDirectory() as profile:
        driver = open_chrome(Path(profile))
        if driver is None:
            sys.exit("error: no Chromium with its driver; mend it with: make browser")
        driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
        page = Page(driver, RESULTS / "explorer/embedded/index.html")
        page.emulate(1180, 880, prefers_color_scheme="light", prefers_reduced_motion="reduce")
        page.open("vgg-digits", "1345")
        strongest = driver.find_elements(By.CSS_SELECTOR, ".interactions button")
        page.hover(strongest[4])
        driver.save_screenshot(str(IMAGES / "explorer-sample.png"))
        page.emulate(1180, 960, prefers_color_scheme="dark", prefers_reduced_motion="reduce")
        page.open("vit-digits")
        page.slide(5)
        driver.save_screenshot(str(IMAGES / "explorer-experiment.png"))
        driver.quit()


if __name__ == "__main__":
    main()
