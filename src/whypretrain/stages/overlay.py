"""Stage `overlay`: draw the strongest sets of the three networks on one sample, as PDF and SVG."""

import argparse
from pathlib import Path

from whypretrain.stages import command


def main() -> None:
    program = "python -m whypretrain.stages.overlay"
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    add = parser.add_argument
    add("--samples", type=Path, required=True, help="an experiment's samples.h5")
    records = "its probe.h5, finetune.h5 and scratch.h5"
    add("--records", type=Path, nargs=3, required=True, metavar="PATH", help=records)
    instead = "AND-OR interactions of these, to be drawn instead"
    add("--splits", type=Path, nargs="*", default=[], metavar="PATH", help=instead)
    add("--position", type=int, required=True, help="the sample's number, from 0")
    add("--sets", type=int, default=4, help="number of sets per network (default 4)")
    add("--width", type=float, default=7.0, help="width in inches (default 7)")
    add("--output", type=Path, required=True, help="PDF to write; the SVG is written beside it")
    arguments = parser.parse_args()

    from whypretrain.data.samples import read_samples
    from whypretrain.files.artifacts import atomic_path
    from whypretrain.interactions.splits import read_either
    from whypretrain.report import overlay, style
    from whypretrain.report.explanation import of_record

    style.apply()
    samples, place = read_samples(arguments.samples), arguments.position
    if not 0 <= place < len(samples.samples):
        message = f"--position {place}: the experiment has samples 0 to {len(samples.samples) - 1}"
        raise ValueError(message)
    sample = samples.samples[place]
    models = {}
    splits = arguments.splits or [None] * 3
    for variant, path, own in zip(style.VARIANTS, arguments.records, splits, strict=True):
        record = read_either(path, own)
        if place >= len(record.samples) or record.samples[place] != sample.id:
            message = f"{path}: sample {place} is not '{sample.id}' of {arguments.samples}"
            raise ValueError(message)
        models[style.LABELS[variant]] = of_record(record, place, sample)
    figure = overlay.draw(models, count=arguments.sets, width=arguments.width)
    # Equal numbers give equal bytes.
    for suffix, metadata in ((".pdf", {"CreationDate": None}), (".svg", {"Date": None})):
        with atomic_path(arguments.output.with_suffix(suffix)) as temporary:
            figure.savefig(temporary, format=suffix[1:], metadata=metadata)


if __name__ == "__main__":
    command.run(main)
