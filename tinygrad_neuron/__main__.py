import sys


def main() -> None:
    try:
        from tinygrad_neuron.command.main import main as command  # which takes a while

        command()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
