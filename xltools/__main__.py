"""`python -m xltools`, and the command `xltools`.

Light to import: every process that helps with checking loads the program's main module once more.
"""

import gc


def main() -> None:
    # Most of what is loaded and made lives to the end and goes with the process: looking through the reports of
    # thousands, again and again, for what nobody refers to any more takes long.
    gc.set_threshold(200_000, 20)
    from xltools.cli import main as run

    run()


if __name__ == "__main__":
    main()
