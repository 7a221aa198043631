/*
 * nullbroker - a do-almost-nothing AMQP 0-9-1 server for measuring clients.
 *
 * It speaks enough of the protocol that an ordinary client library can connect,
 * open channels, declare, publish (with or without confirms), consume, get and
 * acknowledge -- and it spends as little CPU as it can on each of them, so that
 * a benchmark against it shows the client's own limit instead of a broker's.
 *
 *   publish     counted, then discarded
 *   confirm     one basic.ack (multiple) for everything found in one read
 *   consume     messages made from a template, as fast as the socket takes them
 *   get         get-empty at once, or a message made from the template
 *   all else    the matching "-ok" method
 *
 * A queue named  q.SIZE.COUNT  behaves as if it held COUNT messages of SIZE
 * bytes (per consumer, and per channel for get).  Every other queue is empty;
 * its message count, as told by queue.declare, is the number of messages this
 * connection has published since its last queue.purge, so that a benchmark can
 * check that everything it sent did arrive.
 *
 * Not a broker: nothing is stored or routed, no security (any login passes),
 * no heartbeats, no basic.return, redelivery or rejection.  Loopback only
 * unless -b says otherwise.
 *
 * Build:  cc -O2 -Wall -Wextra -pthread -o nullbroker nullbroker.c
 * Run:    ./nullbroker [-p port] [-b address] [-f frame_max] [-v] [-e]
 *         -p 0 picks a free port; -e ends when standard input does, so that it does
 *         not outlive who started it with a pipe
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  FRAME_METHOD = 1, FRAME_HEADER = 2, FRAME_BODY = 3, FRAME_HEARTBEAT = 8,
  FRAME_END = 0xCE,
  CHANNEL_MAX = 2047,
  IN_SIZE = 1 << 20,     /* receive buffer; must hold the largest frame */
  OUT_HIGH = 256 << 10   /* stop making deliveries above this many bytes */
};

#define METHOD(cls, mth) (((uint32_t)(cls) << 16) | (mth))

static uint32_t opt_frame_max = 131072;
static int opt_verbose, opt_end;

/* ---- growing output buffer ------------------------------------------------ */

struct buf { uint8_t *p; size_t len, cap, off; };   /* off: already written */

static void need(struct buf *b, size_t n)
{
  if (b->len + n <= b->cap) return;
  if (b->off) {                                     /* reclaim the sent part */
    memmove(b->p, b->p + b->off, b->len - b->off);
    b->len -= b->off;
    b->off = 0;
    if (b->len + n <= b->cap) return;
  }
  size_t cap = b->cap ? b->cap : 4096;
  while (cap < b->len + n) cap *= 2;
  if (!(b->p = realloc(b->p, cap))) { perror("realloc"); exit(1); }
  b->cap = cap;
}

static void put(struct buf *b, const void *s, size_t n) { need(b, n); memcpy(b->p + b->len, s, n); b->len += n; }
static void put8(struct buf *b, uint8_t v) { put(b, &v, 1); }
static void put16(struct buf *b, uint16_t v) { v = htobe16(v); put(b, &v, 2); }
static void put32(struct buf *b, uint32_t v) { v = htobe32(v); put(b, &v, 4); }
static void put64(struct buf *b, uint64_t v) { v = htobe64(v); put(b, &v, 8); }
static void put_short(struct buf *b, const char *s, size_t n) { put8(b, (uint8_t)n); put(b, s, n); }
static void put_long(struct buf *b, const char *s) { size_t n = strlen(s); put32(b, (uint32_t)n); put(b, s, n); }

/* Frames are opened with a zero length that frame_end fills in.  Positions are
 * kept relative to the unsent part, because need() may move it. */
static size_t frame_begin(struct buf *b, uint8_t type, uint16_t ch)
{
  size_t at = b->len - b->off;
  put8(b, type); put16(b, ch); put32(b, 0);
  return at;
}
static size_t method_begin(struct buf *b, uint16_t ch, uint32_t m)
{
  size_t at = frame_begin(b, FRAME_METHOD, ch);
  put32(b, m);
  return at;
}
static void frame_end(struct buf *b, size_t at)
{
  uint32_t n = htobe32((uint32_t)(b->len - b->off - at - 7));
  memcpy(b->p + b->off + at + 3, &n, 4);
  put8(b, FRAME_END);
}
static void reply(struct buf *b, uint16_t ch, uint32_t m) { frame_end(b, method_begin(b, ch, m)); }

/* ---- bounds-checked input ------------------------------------------------- */

struct in { const uint8_t *p, *end; int bad; };

static const uint8_t *take(struct in *r, size_t n)
{
  if ((size_t)(r->end - r->p) < n) { r->bad = 1; return NULL; }
  const uint8_t *p = r->p;
  r->p += n;
  return p;
}
static uint8_t get8(struct in *r) { const uint8_t *p = take(r, 1); return p ? *p : 0; }
static uint16_t get16(struct in *r) { const uint8_t *p = take(r, 2); uint16_t v = 0; if (p) memcpy(&v, p, 2); return be16toh(v); }
static uint32_t get32(struct in *r) { const uint8_t *p = take(r, 4); uint32_t v = 0; if (p) memcpy(&v, p, 4); return be32toh(v); }
static uint64_t get64(struct in *r) { const uint8_t *p = take(r, 8); uint64_t v = 0; if (p) memcpy(&v, p, 8); return be64toh(v); }

struct name { char s[256]; size_t n; };
static struct name get_short(struct in *r)
{
  struct name o;
  o.n = get8(r);
  const uint8_t *p = take(r, o.n);
  if (p) memcpy(o.s, p, o.n); else o.n = 0;
  o.s[o.n] = 0;
  return o;
}

/* ---- connection state ----------------------------------------------------- */

struct source {          /* an imaginary queue with messages in it */
  struct name queue;
  uint64_t left;         /* messages still to hand out */
  struct buf tpl;        /* one whole message, ready to copy ... */
  size_t tag_at;         /* ... but for its delivery tag, here */
};

struct chan {
  int open, confirm, dirty;
  uint64_t published, confirmed;   /* publish sequence; how much was acked */
  uint64_t body_left;              /* of the message being received */
  int expect;                      /* next content frame: 0, HEADER or BODY */
  uint16_t prefetch;
  uint64_t tag, acked;             /* deliveries made; acknowledgements seen */
  int consuming, no_ack;
  struct name ctag;
  struct source con, get;
};

struct conn {
  int fd, done;
  uint32_t frame_max;
  struct chan *ch[CHANNEL_MAX + 1];
  uint16_t top;                    /* highest channel number used */
  struct buf out;
  uint64_t pending_count;          /* publishes since the last purge */
  uint64_t n_pub, n_bytes, n_del, n_ack, n_get, n_read, n_frames;
};

static int virtual_queue(const char *q, uint64_t *size, uint64_t *count)
{
  unsigned long long s, c;
  int used = 0;
  if (sscanf(q, "q.%llu.%llu%n", &s, &c, &used) != 2 || q[used] || s > 1u << 30) return 0;
  *size = s;
  *count = c;
  return 1;
}

/* Builds the message that consumers (ctag) or get (ctag NULL) receive. */
static int source_open(struct conn *c, uint16_t ch, struct source *s, struct name q, const struct name *ctag)
{
  uint64_t size, count;
  if (!virtual_queue(q.s, &size, &count)) return 0;
  s->queue = q;
  s->left = count;
  struct buf *b = &s->tpl;
  b->len = b->off = 0;
  size_t at = method_begin(b, ch, ctag ? METHOD(60, 60) : METHOD(60, 71));
  if (ctag) put_short(b, ctag->s, ctag->n);
  s->tag_at = b->len;
  put64(b, 0);                       /* delivery tag */
  put8(b, 0);                        /* redelivered */
  put_short(b, "", 0);               /* exchange */
  put_short(b, q.s, q.n);            /* routing key */
  if (!ctag) put32(b, 0);            /* message count: not worth tracking */
  frame_end(b, at);
  at = frame_begin(b, FRAME_HEADER, ch);
  put16(b, 60); put16(b, 0); put64(b, size);
  put16(b, 0x1000); put8(b, 1);      /* delivery-mode = 1 */
  frame_end(b, at);
  uint64_t chunk = c->frame_max - 8;
  for (uint64_t n; size; size -= n) {
    n = size < chunk ? size : chunk;
    at = frame_begin(b, FRAME_BODY, ch);
    need(b, n);
    memset(b->p + b->len, 'x', n);
    b->len += n;
    frame_end(b, at);
  }
  return 1;
}

static void source_emit(struct conn *c, struct chan *ch, struct source *s)
{
  uint64_t tag = htobe64(++ch->tag);
  memcpy(s->tpl.p + s->tag_at, &tag, 8);
  put(&c->out, s->tpl.p, s->tpl.len);
  s->left--;
}

/* Fills the output buffer with deliveries; returns 1 if it stopped for want of
 * room, so that there is more to make once the socket has taken these. */
static int pump(struct conn *c)
{
  for (unsigned i = 1; i <= c->top; i++) {
    struct chan *ch = c->ch[i];
    if (!ch || !ch->consuming) continue;
    while (ch->con.left) {
      if (!ch->no_ack && ch->prefetch && ch->tag - ch->acked >= ch->prefetch) break;
      if (c->out.len - c->out.off >= OUT_HIGH) return 1;
      source_emit(c, ch, &ch->con);
      c->n_del++;
    }
  }
  return 0;
}

static void confirm_all(struct conn *c)
{
  for (unsigned i = 1; i <= c->top; i++) {
    struct chan *ch = c->ch[i];
    if (!ch || !ch->dirty) continue;
    ch->dirty = 0;
    size_t at = method_begin(&c->out, (uint16_t)i, METHOD(60, 80));
    put64(&c->out, ch->published);
    put8(&c->out, ch->published - ch->confirmed > 1);
    frame_end(&c->out, at);
    ch->confirmed = ch->published;
  }
}

/* ---- methods -------------------------------------------------------------- */

static void send_start(struct conn *c)
{
  static const char *caps[] = { "publisher_confirms", "exchange_exchange_bindings", "basic.nack",
    "consumer_cancel_notify", "per_consumer_qos", "authentication_failure_close" };
  struct buf t = { 0 }, u = { 0 }, *b = &c->out;
  for (size_t i = 0; i < sizeof caps / sizeof *caps; i++) {
    put_short(&u, caps[i], strlen(caps[i])); put8(&u, 't'); put8(&u, 1);
  }
  put_short(&t, "capabilities", 12); put8(&t, 'F'); put32(&t, (uint32_t)u.len); put(&t, u.p, u.len);
  put_short(&t, "product", 7); put8(&t, 'S'); put_long(&t, "nullbroker");
  put_short(&t, "version", 7); put8(&t, 'S'); put_long(&t, "1.0.0");
  size_t at = method_begin(b, 0, METHOD(10, 10));
  put8(b, 0); put8(b, 9);
  put32(b, (uint32_t)t.len); put(b, t.p, t.len);
  put_long(b, "PLAIN AMQPLAIN"); put_long(b, "en_US");
  frame_end(b, at);
  free(t.p); free(u.p);
}

static void fail(struct conn *c, uint16_t code, const char *text, uint32_t m)
{
  size_t at = method_begin(&c->out, 0, METHOD(10, 50));
  put16(&c->out, code); put_short(&c->out, text, strlen(text)); put32(&c->out, m);
  frame_end(&c->out, at);
  if (opt_verbose) fprintf(stderr, "nullbroker: %u %s (method %u.%u)\n", code, text, m >> 16, m & 0xffff);
}

static void on_method(struct conn *c, uint16_t chn, struct in r)
{
  struct buf *b = &c->out;
  uint32_t m = get32(&r);
  struct chan *ch = c->ch[chn];
  struct name q, tag;
  size_t at;

  if (chn == 0) switch (m) {
    case METHOD(10, 11):                                   /* start-ok -> tune */
      at = method_begin(b, 0, METHOD(10, 30));
      put16(b, CHANNEL_MAX); put32(b, opt_frame_max); put16(b, 0);
      frame_end(b, at);
      return;
    case METHOD(10, 31): {                                 /* tune-ok */
      get16(&r);
      uint32_t f = get32(&r);
      c->frame_max = f >= 4096 && f < opt_frame_max ? f : opt_frame_max;
      return;
    }
    case METHOD(10, 40):                                   /* open */
      at = method_begin(b, 0, METHOD(10, 41)); put8(b, 0); frame_end(b, at);
      return;
    case METHOD(10, 50): reply(b, 0, METHOD(10, 51)); c->done = 1; return;   /* close */
    case METHOD(10, 51): c->done = 1; return;              /* close-ok */
    default: fail(c, 540, "NOT_IMPLEMENTED", m); return;
  }

  if (m == METHOD(20, 10)) {                               /* channel.open */
    if (!ch && !(ch = c->ch[chn] = calloc(1, sizeof *ch))) { perror("calloc"); exit(1); }
    struct buf t1 = ch->con.tpl, t2 = ch->get.tpl;         /* keep allocations on re-open */
    memset(ch, 0, sizeof *ch);
    ch->con.tpl = t1; ch->get.tpl = t2;
    ch->open = 1;
    if (chn > c->top) c->top = chn;
    at = method_begin(b, chn, METHOD(20, 11)); put32(b, 0); frame_end(b, at);
    return;
  }
  if (!ch || !ch->open) { fail(c, 504, "CHANNEL_ERROR", m); return; }

  switch (m) {
  case METHOD(60, 40):                                     /* basic.publish */
    ch->expect = FRAME_HEADER;
    return;
  case METHOD(60, 80): {                                   /* basic.ack */
    uint64_t t = get64(&r);
    if (!(get8(&r) & 1)) ch->acked++;
    else ch->acked = t ? t : ch->tag;                      /* assumes acks in order */
    c->n_ack++;
    return;
  }
  case METHOD(60, 90): case METHOD(60, 120):               /* basic.reject, nack */
    ch->acked++;
    return;
  case METHOD(60, 70):                                     /* basic.get */
    get16(&r);
    q = get_short(&r);
    c->n_get++;
    if (strcmp(q.s, ch->get.queue.s) && !source_open(c, chn, &ch->get, q, NULL)) {
      ch->get.queue = q;
      ch->get.left = 0;
    }
    if (ch->get.left) { source_emit(c, ch, &ch->get); return; }
    at = method_begin(b, chn, METHOD(60, 72)); put_short(b, "", 0); frame_end(b, at);
    return;
  case METHOD(60, 20): {                                   /* basic.consume */
    get16(&r);
    q = get_short(&r);
    tag = get_short(&r);
    uint8_t bits = get8(&r);
    if (!tag.n) tag.n = (size_t)sprintf(tag.s, "ctag-%u", chn);
    ch->no_ack = bits >> 1 & 1;
    ch->ctag = tag;
    ch->acked = ch->tag;
    ch->consuming = source_open(c, chn, &ch->con, q, &tag);
    if (bits & 8) return;                                  /* no-wait */
    at = method_begin(b, chn, METHOD(60, 21)); put_short(b, tag.s, tag.n); frame_end(b, at);
    return;
  }
  case METHOD(60, 30):                                     /* basic.cancel */
    tag = get_short(&r);
    ch->consuming = 0;
    if (get8(&r) & 1) return;
    at = method_begin(b, chn, METHOD(60, 31)); put_short(b, tag.s, tag.n); frame_end(b, at);
    return;
  case METHOD(60, 10):                                     /* basic.qos */
    get32(&r);
    ch->prefetch = get16(&r);
    reply(b, chn, METHOD(60, 11));
    return;
  case METHOD(50, 10): {                                   /* queue.declare */
    uint64_t size, count;
    get16(&r);
    q = get_short(&r);
    if (get8(&r) & 16) return;
    if (!q.n) q.n = (size_t)sprintf(q.s, "null.gen-%u", chn);
    if (!virtual_queue(q.s, &size, &count)) count = c->pending_count;
    at = method_begin(b, chn, METHOD(50, 11));
    put_short(b, q.s, q.n); put32(b, (uint32_t)count); put32(b, 0);
    frame_end(b, at);
    return;
  }
  case METHOD(50, 30): case METHOD(50, 40):                /* queue.purge, delete */
    at = method_begin(b, chn, m + 1); put32(b, (uint32_t)c->pending_count); frame_end(b, at);
    c->pending_count = 0;
    return;
  case METHOD(20, 20):                                     /* channel.flow */
    at = method_begin(b, chn, METHOD(20, 21)); put8(b, get8(&r)); frame_end(b, at);
    return;
  case METHOD(20, 40):                                     /* channel.close */
    ch->open = ch->consuming = 0;
    reply(b, chn, METHOD(20, 41));
    return;
  case METHOD(85, 10):                                     /* confirm.select */
    ch->confirm = 1;
    if (!(get8(&r) & 1)) reply(b, chn, METHOD(85, 11));
    return;
  case METHOD(20, 21): case METHOD(20, 41): case METHOD(60, 100):
    return;                                                /* answers, recover-async */
  case METHOD(40, 10): case METHOD(40, 20): case METHOD(50, 20):
  case METHOD(60, 110): case METHOD(90, 10): case METHOD(90, 20): case METHOD(90, 30):
    reply(b, chn, m + 1);                                  /* declare, bind, tx, ... */
    return;
  case METHOD(40, 30): reply(b, chn, METHOD(40, 31)); return;
  case METHOD(40, 40): reply(b, chn, METHOD(40, 51)); return;
  case METHOD(50, 50): reply(b, chn, METHOD(50, 51)); return;
  default: fail(c, 540, "NOT_IMPLEMENTED", m); return;
  }
}

static void published(struct conn *c, struct chan *ch)
{
  ch->expect = 0;
  ch->published++;
  if (ch->confirm) ch->dirty = 1;
  c->n_pub++;
  c->pending_count++;
}

/* Handles every whole frame in [p, end); returns the bytes used, or -1. */
static ssize_t on_bytes(struct conn *c, const uint8_t *p, size_t len)
{
  const uint8_t *start = p, *end = p + len;
  while (end - p >= 8 && !c->done) {
    uint32_t n;
    uint16_t chn;
    memcpy(&n, p + 3, 4); n = be32toh(n);
    memcpy(&chn, p + 1, 2); chn = be16toh(chn);
    if (n > opt_frame_max || chn > CHANNEL_MAX) return -1;
    if ((size_t)(end - p) < (size_t)n + 8) break;
    if (p[7 + n] != FRAME_END) return -1;
    struct chan *ch = c->ch[chn];
    struct in r = { p + 7, p + 7 + n, 0 };
    c->n_frames++;
    switch (p[0]) {
    case FRAME_METHOD:
      if (ch && ch->expect) return -1;
      on_method(c, chn, r);
      break;
    case FRAME_HEADER:
      if (!ch || ch->expect != FRAME_HEADER) return -1;
      get32(&r);
      ch->body_left = get64(&r);
      if (r.bad) return -1;
      c->n_bytes += ch->body_left;
      if (ch->body_left) ch->expect = FRAME_BODY; else published(c, ch);
      break;
    case FRAME_BODY:
      if (!ch || ch->expect != FRAME_BODY || n > ch->body_left) return -1;
      if (!(ch->body_left -= n)) published(c, ch);
      break;
    case FRAME_HEARTBEAT: break;
    default: return -1;
    }
    p += 8 + n;
  }
  confirm_all(c);
  return p - start;
}

/* ---- one thread per connection -------------------------------------------- */

/* Writes what the socket takes now; -1 on error. */
static int flush(struct conn *c)
{
  struct buf *b = &c->out;
  while (b->off < b->len) {
    ssize_t n = send(c->fd, b->p + b->off, b->len - b->off, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN ? 0 : errno == EINTR ? 0 : -1;
    b->off += (size_t)n;
  }
  b->off = b->len = 0;
  return 0;
}

static void *serve(void *arg)
{
  struct conn *c = calloc(1, sizeof *c);
  uint8_t *in = malloc(IN_SIZE);
  size_t have = 0;
  int greeted = 0;
  if (!c || !in) { perror("malloc"); exit(1); }
  c->fd = (int)(intptr_t)arg;
  c->frame_max = opt_frame_max;

  for (;;) {
    int more;
    do {                               /* make and send until the socket is full */
      more = pump(c);
      if (flush(c) < 0) goto out;
    } while (more && !c->out.len);
    if (c->done) break;
    int pending = c->out.off < c->out.len;
    if (pending) {
      struct pollfd pf = { c->fd, POLLIN | POLLOUT, 0 };
      if (poll(&pf, 1, -1) < 0 && errno != EINTR) break;
    }
    ssize_t n = recv(c->fd, in + have, IN_SIZE - have, pending ? MSG_DONTWAIT : 0);
    if (n == 0) break;
    if (n < 0) {
      if (errno == EAGAIN || errno == EINTR) continue;
      break;
    }
    have += (size_t)n;
    c->n_read++;
    uint8_t *p = in;
    if (!greeted) {
      static const uint8_t hello[8] = { 'A', 'M', 'Q', 'P', 0, 0, 9, 1 };
      if (have < 8) continue;
      if (memcmp(in, hello, 8)) { send(c->fd, hello, 8, MSG_NOSIGNAL); break; }
      greeted = 1;
      p += 8;
      send_start(c);
    }
    ssize_t used = on_bytes(c, p, have - (size_t)(p - in));
    if (used < 0) { fprintf(stderr, "nullbroker: malformed or unexpected frame\n"); break; }
    p += used;
    have -= (size_t)(p - in);
    memmove(in, p, have);
  }
out:
  if (opt_verbose)
    fprintf(stderr, "nullbroker: closed: publishes=%llu bytes=%llu deliveries=%llu acks=%llu gets=%llu "
      "reads=%llu frames=%llu\n", (unsigned long long)c->n_pub, (unsigned long long)c->n_bytes,
      (unsigned long long)c->n_del, (unsigned long long)c->n_ack, (unsigned long long)c->n_get,
      (unsigned long long)c->n_read, (unsigned long long)c->n_frames);
  shutdown(c->fd, SHUT_WR);
  close(c->fd);
  for (unsigned i = 1; i <= c->top; i++)
    if (c->ch[i]) { free(c->ch[i]->con.tpl.p); free(c->ch[i]->get.tpl.p); free(c->ch[i]); }
  free(c->out.p);
  free(c);
  free(in);
  return NULL;
}

static void *end_with_stdin(void *arg)
{
  char c[64];
  while (read(0, c, sizeof c) > 0) {}
  exit(0);
  return arg;
}

int main(int argc, char **argv)
{
  int port = 5673, o, one = 1;
  const char *addr = "127.0.0.1";
  while ((o = getopt(argc, argv, "p:b:f:ve")) != -1) switch (o) {
    case 'p': port = atoi(optarg); break;
    case 'b': addr = optarg; break;
    case 'f': opt_frame_max = (uint32_t)strtoul(optarg, NULL, 10); break;
    case 'v': opt_verbose = 1; break;
    case 'e': opt_end = 1; break;
    default: fprintf(stderr, "usage: %s [-p port] [-b address] [-f frame_max] [-v] [-e]\n", argv[0]); return 2;
  }
  if (opt_frame_max < 4096 || opt_frame_max > IN_SIZE / 2) { fprintf(stderr, "frame_max out of range\n"); return 2; }
  signal(SIGPIPE, SIG_IGN);
  struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
  int ls = socket(AF_INET, SOCK_STREAM, 0);
  if (ls < 0 || inet_pton(AF_INET, addr, &sa.sin_addr) != 1) { perror("socket/address"); return 1; }
  setsockopt(ls, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(ls, (struct sockaddr *)&sa, sizeof sa) || listen(ls, 64)) { perror("bind/listen"); return 1; }
  socklen_t sl = sizeof sa;
  getsockname(ls, (struct sockaddr *)&sa, &sl);
  printf("listening %d\n", ntohs(sa.sin_port));            /* -p 0 picks a free port */
  fflush(stdout);
  pthread_t watch;
  if (opt_end && !pthread_create(&watch, NULL, end_with_stdin, NULL)) pthread_detach(watch);
  for (;;) {
    int fd = accept(ls, NULL, NULL);
    if (fd < 0) { if (errno == EINTR || errno == ECONNABORTED) continue; perror("accept"); return 1; }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    pthread_t t;
    if (pthread_create(&t, NULL, serve, (void *)(intptr_t)fd)) { close(fd); continue; }
    pthread_detach(t);
  }
}
