# Sourced by the findings: a temporary folder that goes with the script, and RabbitMQ of one exact version in it.
set -euo pipefail

folder=$(mktemp -d)
nodes=()

tidy_up() {
  status=$?
  trap - EXIT
  for node in ${nodes[@]+"${nodes[@]}"}; do kill -9 "${node%%:*}" || true; epmd "${node#*:}" -kill || true; done &>/dev/null
  for root in "$folder"/*/proc; do umount "$root" 2>/dev/null || true; done
  rm -rf --one-file-system "$folder"
  exit "$status"
}
trap tidy_up EXIT
trap 'exit 130' INT TERM

# epmd SUITE:PORT ARGUMENT: Erlang's port mapper outlives the node that has started it
epmd() {
  ERL_EPMD_PORT=${1#*:} chroot "$folder/${1%:*}" epmd "$2"
}

# npm_install PACKAGE@VERSION ...: into the folder, where `node` run from it finds them
npm_install() {
  npm install --prefix "$folder" --no-audit --no-fund --loglevel=error "$@" >/dev/null
}

# start_rabbitmq SUITE VERSION: the node of a Debian suite; $url is where it listens. Fails if the suite has another version by now.
start_rabbitmq() {
  local suite=$1 version=$2 root=$folder/$1 port script
  script=/usr/share/debootstrap/scripts/$suite
  [[ -e $script ]] || script=/usr/share/debootstrap/scripts/sid # a suite that is younger than debootstrap
  debootstrap --variant=minbase --include=rabbitmq-server "$suite" "$root" "" "$script" >"$folder/$suite.log" 2>&1 ||
    { tail -3 "$folder/$suite.log" >&2; return 1; }
  local found
  found=$(chroot "$root" dpkg-query -W -f '${Version}' rabbitmq-server)
  [[ $found == "$version" ]] || { echo "Debian $suite has rabbitmq-server $found, this was seen with $version" >&2; return 1; }
  mount -t proc proc "$root/proc"
  echo '127.0.0.1 localhost' >"$root/etc/hosts"
  port=$((20000 + RANDOM % 1200 * 10))
  mkdir "$root/srv/node"
  printf 'listeners.tcp.local = 127.0.0.1:%d\ndisk_free_limit.absolute = 1MB\n' "$port" >"$root/srv/node/rabbitmq.conf"
  echo '[].' >"$root/srv/node/enabled_plugins"
  env -i PATH="$PATH" HOME=/srv/node LANG=C.UTF-8 RUNNING_UNDER_SYSTEMD=1 RABBITMQ_CONF_ENV_FILE=/dev/null \
    RABBITMQ_NODENAME="finding-$port@localhost" RABBITMQ_CONFIG_FILE=/srv/node/rabbitmq.conf \
    RABBITMQ_ENABLED_PLUGINS_FILE=/srv/node/enabled_plugins RABBITMQ_MNESIA_BASE=/srv/node/data RABBITMQ_LOG_BASE=/srv/node/log \
    RABBITMQ_DIST_PORT=$((port + 1)) ERL_EPMD_PORT=$((port + 2)) ERL_EPMD_ADDRESS=127.0.0.1 \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}' \
    ERL_EPMD_RELAXED_COMMAND_CHECK=1 chroot "$root" /usr/lib/rabbitmq/bin/rabbitmq-server >"$folder/$suite.console" 2>&1 &
  disown
  nodes+=("$!:$suite:$((port + 2))")
  for _ in $(seq 120); do
    if grep -q 'completed with' "$folder/$suite.console"; then
      url=amqp://guest:guest@127.0.0.1:$port/
      return
    fi
    sleep 0.5
  done
  echo "RabbitMQ of Debian $suite did not start" >&2
  return 1
}
