"""`python -m xltools`, and the command `xltools`.

Light to import: every process that helps with checking loads the program's main module once more.
"""


def main() -> None:
    from xltools.cli import main as run

    run()


if __name__ == "__main__":
    main()
