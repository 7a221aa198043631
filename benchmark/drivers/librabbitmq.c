/* librabbitmq, the blocking C client; the command line and the result are those of job.cjs. */
#define _GNU_SOURCE
#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define BATCH 1000

static const amqp_channel_t CH = 1;
static size_t size;
static long count, rounds;
static amqp_connection_state_t conn;
static amqp_bytes_t queue, body;
static amqp_basic_properties_t props;

static void die(const char *what) { fprintf(stderr, "%s\n", what); exit(1); }

static void check(amqp_rpc_reply_t r, const char *what)
{
  if (r.reply_type == AMQP_RESPONSE_NORMAL) return;
  if (r.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) fprintf(stderr, "%s\n", amqp_error_string2(r.library_error));
  die(what);
}
static void checked(const char *what) { check(amqp_get_rpc_reply(conn), what); }

/* ---- the clock ------------------------------------------------------------ */

static double seconds, cpu, started_at, cpu_at_start, *laps;
static long messages, lap_count;

static double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
static double cpu_seconds(void)
{
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
}
static void start(void) { cpu_at_start = cpu_seconds(); started_at = now(); }
static void stop(void) { seconds += now() - started_at; cpu += cpu_seconds() - cpu_at_start; messages += count; }
static void lap(double begin) { laps[lap_count++] = now() - begin; }

static int by_value(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}
static double percentile(double part)
{
  if (!lap_count) return 0;
  long at = (long)((double)lap_count * part);
  return laps[at < lap_count ? at : lap_count - 1] * 1e6;
}
/* Of this program; ru_maxrss remembers the process it was forked from. */
static long peak_kilobytes(void)
{
  char line[256];
  long peak = 0;
  FILE *status = fopen("/proc/self/status", "r");
  while (status && !peak && fgets(line, sizeof line, status)) sscanf(line, "VmHWM: %ld", &peak);
  if (status) fclose(status);
  return peak;
}
static void report(void)
{
  qsort(laps, (size_t)lap_count, sizeof *laps, by_value);
  printf("{\"n\":%ld,\"secs\":%.6f,\"cpu\":%.6f,\"rss_kb\":%ld,\"p50\":%.1f,\"p99\":%.1f}\n", messages, seconds,
         messages ? cpu : cpu_seconds(), peak_kilobytes(), percentile(0.5), percentile(0.99));
}

/* ---- verbs ---------------------------------------------------------------- */

static void publish(void)
{
  if (amqp_basic_publish(conn, CH, amqp_empty_bytes, queue, 0, 0, &props, body)) die("publish");
}
static void purge(void) { amqp_queue_purge(conn, CH, queue); checked("purge"); }

static long waiting(void)
{
  amqp_queue_declare_ok_t *ok = amqp_queue_declare(conn, CH, queue, 1, 0, 0, 0, amqp_empty_table);
  if (!ok) die("declare");
  return ok->message_count;
}
static void consume(const char *from, int no_ack)
{
  amqp_bytes_t name = from ? amqp_cstring_bytes(from) : queue;
  amqp_basic_consume(conn, CH, name, amqp_empty_bytes, 0, no_ack, 0, amqp_empty_table);
  checked("consume");
}
static amqp_envelope_t next(void)
{
  amqp_envelope_t e;
  amqp_maybe_release_buffers(conn);
  check(amqp_consume_message(conn, &e, NULL, 0), "consume message");
  return e;
}
/* Waits until everything up to `sent` is confirmed. */
static void wait_for(uint64_t sent)
{
  static uint64_t acked;
  while (acked < sent) {
    amqp_frame_t f;
    if (amqp_simple_wait_frame(conn, &f)) die("confirm");
    if (f.frame_type != AMQP_FRAME_METHOD || f.payload.method.id != AMQP_BASIC_ACK_METHOD) continue;
    amqp_basic_ack_t *ack = f.payload.method.decoded;
    acked = ack->multiple ? ack->delivery_tag : acked + 1;
    amqp_maybe_release_buffers(conn);
  }
}

/* ---- scenarios ------------------------------------------------------------ */

static void publish_all(void)
{
  for (long r = 0; r < rounds; r++) {
    start();
    for (long i = 0; i < count; i++) publish();
    for (int tries = 0; waiting() < count; usleep(1000))
      if (++tries == 20000) die("the queue does not get all messages");
    stop();
    purge();
  }
}
static void confirmed(long batch)
{
  uint64_t sent = 0;
  amqp_confirm_select(conn, CH);
  checked("confirm");
  for (long r = 0; r < rounds; r++) {
    start();
    for (long i = 0; i < count;) {
      double begin = now();
      for (long k = 0; k < batch && i < count; k++, i++, sent++) publish();
      wait_for(sent);
      if (batch == 1) lap(begin);
    }
    stop();
    purge();
  }
}
static void consume_all(int no_ack)
{
  if (!no_ack) { amqp_basic_qos(conn, CH, 0, 250, 0); checked("qos"); }
  start();
  consume(NULL, no_ack);
  for (long i = 0; i < count; i++) {
    amqp_envelope_t e = next();
    if (e.message.body.len != size) die("size of a message");
    if (!no_ack && amqp_basic_ack(conn, CH, e.delivery_tag, 0)) die("ack");
    amqp_destroy_envelope(&e);
  }
  stop();
}
static void get_all(int empty)
{
  start();
  for (long i = 0; i < count; i++) {
    double begin = now();
    amqp_maybe_release_buffers(conn);
    amqp_rpc_reply_t r = amqp_basic_get(conn, CH, queue, 1);
    check(r, "get");
    if ((r.reply.id == AMQP_BASIC_GET_EMPTY_METHOD) != empty) die("a message, or none");
    if (!empty) {
      amqp_message_t m;
      check(amqp_read_message(conn, CH, &m, 0), "read");
      if (m.body.len != size) die("size of a message");
      amqp_destroy_message(&m);
    }
    lap(begin);
  }
  stop();
}
static void call_all(void)
{
  char id[32];
  consume("amq.rabbitmq.reply-to", 1);
  props._flags |= AMQP_BASIC_REPLY_TO_FLAG | AMQP_BASIC_CORRELATION_ID_FLAG;
  props.reply_to = amqp_cstring_bytes("amq.rabbitmq.reply-to");
  start();
  for (long i = 0; i < count; i++) {
    double begin = now();
    snprintf(id, sizeof id, "%ld", i);
    props.correlation_id = amqp_cstring_bytes(id);
    publish();
    amqp_envelope_t e = next();
    amqp_bytes_t got = e.message.properties.correlation_id;
    if (got.len != strlen(id) || memcmp(got.bytes, id, got.len)) die("correlation id");
    amqp_destroy_envelope(&e);
    lap(begin);
  }
  stop();
  body = amqp_cstring_bytes("stop");
  publish();
}
static void serve(void)
{
  consume(NULL, 1);
  puts("ready");
  fflush(stdout);
  for (int stopped = 0; !stopped;) {
    amqp_envelope_t e = next();
    stopped = e.message.body.len == 4 && !memcmp(e.message.body.bytes, "stop", 4);
    amqp_basic_properties_t p = { 0 };
    p._flags = AMQP_BASIC_CORRELATION_ID_FLAG;
    p.correlation_id = e.message.properties.correlation_id;
    amqp_bytes_t to = e.message.properties.reply_to;
    if (!stopped && amqp_basic_publish(conn, CH, amqp_empty_bytes, to, 0, 0, &p, e.message.body)) die("answer");
    amqp_destroy_envelope(&e);
  }
}

int main(int argc, char **argv)
{
  if (argc != 7) die("usage: librabbitmq SCENARIO SIZE COUNT ROUNDS URL QUEUE");
  const char *scenario = argv[1];
  size = strtoul(argv[2], NULL, 10);
  count = atol(argv[3]);
  rounds = atol(argv[4]);
  queue = amqp_cstring_bytes(argv[6]);
  body.len = size;
  body.bytes = memset(malloc(size + 1), 'x', size);
  props._flags = AMQP_BASIC_DELIVERY_MODE_FLAG;
  props.delivery_mode = 1;
  laps = malloc(sizeof *laps * (size_t)(count * rounds + 1));

  struct amqp_connection_info url;
  if (amqp_parse_url(argv[5], &url) || url.ssl) die("an amqp:// URL is needed");
  conn = amqp_new_connection();
  if (amqp_socket_open(amqp_tcp_socket_new(conn), url.host, url.port)) die("cannot connect");
  check(amqp_login(conn, url.vhost, 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, url.user, url.password), "login");
  amqp_channel_open(conn, CH);
  checked("channel");

  if (!strcmp(scenario, "HS")) serve();
  else switch (*scenario) {
    case 'A': publish_all(); break;
    case 'B': confirmed(1); break;
    case 'C': confirmed(BATCH); break;
    case 'D': consume_all(0); break;
    case 'E': consume_all(1); break;
    case 'F': get_all(0); break;
    case 'G': get_all(1); break;
    case 'H': call_all(); break;
    case 'I': publish(); break;
    default: die("no such scenario");
  }
  amqp_channel_close(conn, CH, AMQP_REPLY_SUCCESS);
  amqp_connection_close(conn, AMQP_REPLY_SUCCESS);
  if (strcmp(scenario, "HS")) report();
  return 0;
}
