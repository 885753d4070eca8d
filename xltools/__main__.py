"""`python -m xltools`, and the command `xltools`.

Light to import: every process that helps with checking loads the program's main module once more.
"""

from xltools.collector import collect_seldom


def main() -> None:
    collect_seldom()
    from xltools.cli import main as run

    run()


if __name__ == "__main__":
    main()
