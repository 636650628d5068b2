"""Stage `fetch`: download a dataset or weights at a fixed revision, and check every file.

`fetched.json` is written last: where it is, the folder is complete.
"""

from whypretrain.settings.fetch import FetchSettings
from whypretrain.stages import command


def main() -> None:
    """Command line."""
    parser = command.parser("fetch", __doc__, FetchSettings)
    command.path_argument(parser, "--folder", "folder to fill; fetched.json is written last")
    arguments = parser.parse_args()

    from whypretrain.data.download import fetch
    from whypretrain.files.exclusive import exclusive
    from whypretrain.files.progress import say

    with exclusive(arguments.folder / ".fetch.lock"):
        fetch(arguments.settings, arguments.folder)
    say(f"fetch: {arguments.folder} is complete")


if __name__ == "__main__":
    command.run(main)
