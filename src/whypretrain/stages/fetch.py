"""Stage `fetch`: download a dataset or weights at a fixed revision, and check every file."""

from whypretrain.settings.fetch import FetchSettings
from whypretrain.stages import command


def main() -> None:
    paths = {"folder": "folder to fill; it is complete once fetched.json is there"}
    arguments, settings = command.parse("fetch", __doc__, FetchSettings, paths)

    from whypretrain.data.download import fetch
    from whypretrain.files.artifacts import exclusive
    from whypretrain.files.progress import say

    with exclusive(arguments.folder / "fetch"):
        fetch(settings, arguments.folder)
    say(f"fetch: {arguments.folder} is complete")


if __name__ == "__main__":
    command.run(main)
