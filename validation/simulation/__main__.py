"""Stage `simulation`: worlds of known truth are judged as experiments are, and intervals tested."""

from validation.simulation.coverage import coverage
from validation.simulation.rates import simulate
from whypretrain.files.artifacts import write_csv
from whypretrain.settings.knowledge import Statistics
from whypretrain.stages import command

COVERED = 15  # worlds whose intervals are tested, to each one that is judged


def main() -> None:
    """Command line."""
    paths = {
        "rates": "table of how often each answer was given to write, CSV",
        "numbers": "table of what the worlds are like to write, CSV",
        "coverage": "table of how often intervals hold the truth to write, CSV",
    }
    arguments, options = command.parse("simulation", __doc__, Statistics, paths)
    rates, numbers = simulate(options)
    write_csv(arguments.rates, rates)
    write_csv(arguments.numbers, numbers)
    covered = coverage(COVERED * options.simulated_worlds, options.confidence)
    write_csv(arguments.coverage, covered)


if __name__ == "__main__":
    command.run(main)
