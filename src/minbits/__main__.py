"""``python -m minbits``: the command line."""

from minbits.cli.app import main

if __name__ == "__main__":
    main()
