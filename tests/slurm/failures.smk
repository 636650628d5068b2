# Jobs that go wrong on a cluster in six ways, under the workflow's own profile and resource
# functions. Each leaves a line in `attempts/` at every start: the memory and time that it has.
import shlex
import sys
from pathlib import Path

ROOT = Path(config["root"])
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from workflow.lib.resources import Needs, needing
from workflow.lib.start import use_this_checkout

use_this_checkout()


def fixed(mem_mb, runtime):
    """Resources of a job that needs this at its first attempt."""
    return needing(lambda wildcards, input: Needs(mem_mb, runtime))


MINUTE = fixed(mem_mb=400, runtime=1)
START = (
    "mkdir -p attempts && echo {resources.mem_mb} {resources.runtime} >> attempts/{rule};"
    " echo working > {log}; "
)


rule all:
    input:
        expand(
            "{kind}.txt",
            kind=["cancelled", "requeued", "over_time", "over_memory", "failing"],
        ),


# Ends at once if it is a second attempt.
rule cancelled:
    output:
        "cancelled.txt",
    log:
        "logs/cancelled.log",
    resources:
        **fixed(400, 5),
    shell:
        START + "[ $(wc -l < attempts/{rule}) -gt 1 ] || sleep 200; touch {output}"


# A preempted job, or one whose node failed: Slurm starts it again, two minutes later.
use rule cancelled as requeued with:
    output:
        "requeued.txt",
    log:
        "logs/requeued.log",


# Takes longer than the minute of the first attempt, in which Slurm counts to the second.
rule over_time:
    output:
        "over_time.txt",
    log:
        "logs/over_time.log",
    resources:
        **MINUTE,
    shell:
        START + "sleep 95; touch {output}"


# With the job's own Snakemake (120 MB), more than the 400 MB of the first attempt.
rule over_memory:
    output:
        "over_memory.txt",
    log:
        "logs/over_memory.log",
    resources:
        **fixed(400, 5),
    params:
        program="import time; taken = b'x' * 400_000_000; time.sleep(10)",
    shell:
        START + "python -c {params.program:q}; touch {output}"


# A stage of the workflow with a file that is not what it should be.
rule failing:
    input:
        "table.csv",
    output:
        "failing.txt",
    log:
        "logs/failing.log",
    resources:
        **fixed(400, 5),
    params:
        program=(
            "from pathlib import Path; from whypretrain.stages import command; "
            "from whypretrain.knowledge.reading import HISTORY, read_table; "
            "command.run(lambda: read_table(Path('table.csv'), HISTORY))"
        ),
    shell:
        START + "python -c {params.program:q} 2>&1 | tee -a {log}"


# Not in `all`: what an interrupted Snakemake leaves in the queue.
rule endless:
    output:
        "endless.txt",
    log:
        "logs/endless.log",
    resources:
        **fixed(400, 5),
    shell:
        START + "sleep 250; touch {output}"
