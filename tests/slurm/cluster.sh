#!/usr/bin/env bash
# A real Slurm of one node on this machine, for tests/slurm: install, start, stop.
#
#     tests/slurm/cluster.sh start     # as root, or with sudo that asks for no password
#     sinfo; squeue -o "%.6i %.10T %.8M %k"
#     tests/slurm/cluster.sh stop
#
# Debian and Ubuntu. The node has 8 CPUs and two cards on paper only, so that requests are those of
# a real cluster; its memory is real, and a job that takes more than it asked for is killed.
set -euo pipefail

STATE=/tmp/whypretrain-slurm
CONFIG=/etc/slurm
MARK="# Written by whypretrain's tests/slurm/cluster.sh"

fail() { echo "error: $*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Read through a file: `grep -q` at the end of a pipe may end its start, which pipefail reports.
ours() { [ -e "$CONFIG/slurm.conf" ] && grep -qF "$MARK" "$CONFIG/slurm.conf"; }

install() {
    for tool in munged slurmctld slurmd sbatch; do
        PATH=$PATH:/usr/sbin command -v "$tool" > /dev/null && continue
        echo "Installing Slurm."
        as_root apt-get update -qq
        as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends slurmctld slurmd slurm-client munge \
            > /dev/null
        return
    done
}

write_config() {
    local host memory
    host=$(hostname -s)
    memory=$(awk '/^MemTotal/ {print int($2 / 1024)}' /proc/meminfo)
    as_root mkdir -p "$CONFIG" "$STATE"/{state,spool}
    as_root tee "$CONFIG/slurm.conf" > /dev/null <<END
$MARK
ClusterName=whypretrain
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
StateSaveLocation=$STATE/state
SlurmdSpoolDir=$STATE/spool
SlurmctldPidFile=$STATE/slurmctld.pid
SlurmdPidFile=$STATE/slurmd.pid
SlurmctldLogFile=$STATE/slurmctld.log
SlurmdLogFile=$STATE/slurmd.log
# Needs no cgroups, which a container may not have.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=2
# A job over its memory is killed within a second, one over its time at once.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
OverTimeLimit=0
KillWait=5
AccountingStorageType=accounting_storage/none
# Finished jobs stay in squeue, where tests look them up.
MinJobAge=3600
ReturnToService=2
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName=$host NodeAddr=127.0.0.1 CPUs=8 RealMemory=$memory Gres=gpu:2
PartitionName=tests Nodes=$host Default=YES MaxTime=INFINITE DefaultTime=1 DefMemPerCPU=100
END
    as_root tee "$CONFIG/gres.conf" > /dev/null <<END
$MARK
NodeName=$host Name=gpu File=/dev/null
NodeName=$host Name=gpu File=/dev/zero
END
}

start() {
    PATH=$PATH:/usr/sbin command -v slurmctld > /dev/null || fail "no Slurm: run $0 install"
    [ ! -e "$CONFIG/slurm.conf" ] || ours || fail "$CONFIG/slurm.conf is another cluster's"
    stop
    write_config
    if ! munge -n 2> /dev/null | unmunge > /dev/null 2>&1; then
        as_root mkdir -p /run/munge
        as_root chown munge: /run/munge
        as_root chmod 755 /run/munge
        as_root su -s /bin/sh munge -c /usr/sbin/munged
    fi
    as_root /usr/sbin/slurmctld
    as_root /usr/sbin/slurmd
    for _ in $(seq 60); do
        if [ "$(sinfo --noheader --format %T 2> /dev/null)" = idle ]; then
            echo "Slurm $(sinfo --version | cut -d ' ' -f 2) runs on this machine."
            return
        fi
        sleep 0.5
    done
    as_root tail -n 20 "$STATE/slurmctld.log" "$STATE/slurmd.log" >&2 || true
    fail "the node did not come up within 30 seconds"
}

# Only the two daemons that `start` began, by the numbers that they wrote; munged may be another's.
stop() {
    ours || return 0
    squeue --noheader --format %A 2> /dev/null | sort -u | xargs -r scancel 2> /dev/null || true
    for daemon in slurmd slurmctld; do
        local file=$STATE/$daemon.pid pid
        pid=$(as_root cat "$file" 2> /dev/null) || continue
        as_root kill "$pid" 2> /dev/null || continue
        for _ in $(seq 40); do
            as_root kill -0 "$pid" 2> /dev/null || break
            sleep 0.25
        done
    done
    as_root rm -rf "$STATE" "$CONFIG/slurm.conf" "$CONFIG/gres.conf"
}

case "${1-}" in
    install | start | stop) "$1" ;;
    *) fail "usage: $0 install|start|stop" ;;
esac
