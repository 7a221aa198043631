"""What the Python drivers have in common; the command line and the result are those of job.cjs."""
import json
import resource
import sys
import time

scenario, size, count, rounds, url, queue = sys.argv[1:7]
size, count, rounds = int(size), int(count), int(rounds)
body = b'x' * size
now = time.perf_counter
BATCH = 1000
REPLY_TO = 'amq.rabbitmq.reply-to'


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Clock:
    def __init__(self):
        self.messages, self.seconds, self.cpu, self.laps = 0, 0.0, 0.0, []

    def start(self):
        self.cpu_at_start = cpu_seconds()
        self.started_at = now()

    def stop(self):
        self.seconds += now() - self.started_at
        self.cpu += cpu_seconds() - self.cpu_at_start
        self.messages += count

    def lap(self, begin):
        self.laps.append(now() - begin)


clock = Clock()


def expect(condition, what):
    if not condition:
        sys.exit('not as expected: ' + what)


def peak_kilobytes():
    """Peak resident set of this program; ru_maxrss remembers the process it was forked from."""
    try:
        with open('/proc/self/status') as status:
            return next(int(line.split()[1]) for line in status if line.startswith('VmHWM:'))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def until(has_all):
    """Asks every millisecond whether the queue has all messages."""
    for _ in range(20_000):
        if has_all():
            return
        time.sleep(0.001)
    sys.exit('the queue does not get all messages')


def run(scenarios):
    if scenario not in scenarios:
        sys.exit('this driver has no scenario ' + scenario)
    scenarios[scenario]()
    if scenario == 'HS':
        return
    laps = sorted(clock.laps)
    percentile = lambda part: laps[min(len(laps) - 1, int(len(laps) * part))] * 1e6 if laps else 0
    print(json.dumps({
        'n': clock.messages,
        'secs': clock.seconds,
        'cpu': clock.cpu if clock.messages else cpu_seconds(),
        'rss_kb': peak_kilobytes(),
        'p50': percentile(0.5),
        'p99': percentile(0.99),
    }), flush=True)
