"""`python -m vfsrbench`."""

from vfsrbench.cli.main import main

if __name__ == "__main__":
    main()
