#!/usr/bin/env bash
# RabbitMQ 4.3 beside the RabbitMQ of the system: Debian forky's, in a folder of its own.
#
#     RABBITMQ_BIN=$(test/support/brokers/rabbitmq-4.3.sh install FOLDER)   # minutes at first, no time when it is there
#     test/support/brokers/rabbitmq-4.3.sh remove FOLDER
#
# As root, on Debian or Ubuntu with debootstrap. What cannot be done is told in one sentence, and nothing is left of it.
#
# Every command that runs inside mounts what it needs in a mount namespace of its own, so the mounts go with it: none
# is to be undone here, whoever is killed, and removing the folder never reaches into the system's /dev or /tmp.
set -euo pipefail

suite=forky
version=4.3
marker=.amqp-sync-rabbitmq # only a folder that has it is removed

fail() {
  echo "rabbitmq-4.3: $*" >&2
  exit 1
}

install() {
  [[ $(id -u) == 0 ]] || fail 'only root can install RabbitMQ 4.3, because it needs chroot; run this as root'
  command -v debootstrap >/dev/null || fail 'debootstrap is missing; on Debian or Ubuntu, apt-get install debootstrap'
  unshare --mount true 2>/dev/null || fail 'mounts are not allowed here; in a container, it has to run privileged'
  if [[ ! -e $folder/$marker ]]; then
    [[ -z $(ls -A "$folder" 2>/dev/null) ]] || fail "$folder has other things in it; name an empty folder, or a new one"
    mkdir -p "$folder"
    touch "$folder/$marker"
  fi
  [[ -e $folder/version ]] || { # written last
    trap give_up EXIT
    trap 'exit 130' INT TERM
    rm -rf "$root"
    bootstrap
    trap - EXIT INT TERM
  }
  [[ $(<"$folder/version") == "$version".* ]] ||
    fail "Debian $suite has RabbitMQ $(<"$folder/version") by now, and the tests know $version"
  wrappers
  echo "$folder/bin"
}

bootstrap() {
  local script=/usr/share/debootstrap/scripts/$suite log=$folder/debootstrap.log
  [[ -e $script ]] || script=/usr/share/debootstrap/scripts/sid # the suite is younger than debootstrap
  timeout -k 10 900 unshare --mount \
    debootstrap --variant=minbase --include=rabbitmq-server "$suite" "$root" '' "$script" >"$log" 2>&1 &
  running=$! # the shell hears no signal while it waits for what is in the foreground
  wait "$running" || fail "debootstrap of Debian $suite failed or took 15 minutes: $(tail -1 "$log")"
  echo '127.0.0.1 localhost' >"$root/etc/hosts"
  chroot "$root" dpkg-query -W -f '${source:Upstream-Version}' rabbitmq-server >"$folder/version.new"
  mv "$folder/version.new" "$folder/version"
}

give_up() {
  if [[ -n ${running-} ]]; then kill "$running" || true; wait "$running" || true; fi 2>/dev/null
  remove
}

# One script under all names that RabbitMQ's have; the tests' nodes keep their files in the temporary folder.
wrappers() {
  local temporary name
  temporary=$(realpath "${TMPDIR:-/tmp}")
  mkdir -p "$folder/bin" "$root$temporary"
  {
    echo '#!/usr/bin/env bash'
    echo 'if [[ ${1-} != --mounted ]]; then exec unshare --mount "$0" --mounted "$@"; fi'
    for name in /dev /proc "$temporary"; do printf 'mount --bind %q %q || exit\n' "$name" "$root$name"; done
    printf 'exec /usr/sbin/chroot %q "/usr/lib/rabbitmq/bin/${0##*/}" "${@:2}"\n' "$root"
  } >"$folder/bin/rabbitmq-server"
  chmod +x "$folder/bin/rabbitmq-server"
  for name in ctl -plugins -diagnostics -queues -streams -upgrade; do
    ln -sf rabbitmq-server "$folder/bin/rabbitmq$name"
  done
}

remove() {
  [[ -e $folder ]] || return 0
  [[ -e $folder/$marker ]] || fail "$folder was not made by this script; remove it yourself"
  # ours are gone by themselves; whoever has mounted something else here shall not lose it
  ! awk '{ print $5 }' /proc/self/mountinfo | grep -qF "$folder/" || fail "something is mounted in $folder; unmount it first"
  rm -rf "$folder"
}

[[ $# == 2 && ($1 == install || $1 == remove) && -n $2 ]] || fail 'say "install FOLDER" or "remove FOLDER"'
folder=$(realpath -m "$2")
root=$folder/root
"$1"
