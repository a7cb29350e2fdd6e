/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The relay with walls taken out, as mutant.c is the launcher: MXC_WITHOUT lists what is left out, and MXC_ACT is what a relay tries that
 * somebody has taken over, once it has promised all that it promises: it ends with 0 or the errno. egress.py has the tests. */

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "address.h"
#include "cleanup.h"
#include "datagrams.h"
#include "egress.h"
#include "host-address.h"
#include "http-stream.h"
#include "promise.h"
#include "refusals.h"
#include "reports.h"
#include "tls-hello.h"
#include "upstream-answer.h"

static const char *const locks[] = {
        "budgets",            /* of the lease */
        "clock",              /* nothing is given up because of its time */
        "core",               /* neither is it dumped, nor has it a place */
        "datagrams",          /* go by address */
        "deny",               /* rules of the lease */
        "dumpable",           /* it is closed to its own uid */
        "ech",                /* is refused where the rule says so */
        "from-sandbox",       /* the relay of another is no guest */
        "global",             /* names lead to the world only */
        "host",               /* is a name that was asked for */
        "host-again",         /* of further requests */
        "host-loopback",      /* is open by a word of its own only */
        "identity",           /* is nobody's, or nothing begins */
        "inspect",            /* is what a rule by name is without another word */
        "landlock",           /* few files */
        "learnt",             /* an address stands for a name that was asked for */
        "learnt-first",       /* it does before the answer leaves */
        "loopback",           /* is never reached */
        "names",              /* that no rule allows are not there */
        "orders",             /* are of one form */
        "owner",              /* of the agent: guests are his */
        "own-addresses",      /* of the host: no name leads there */
        "record",             /* comes first */
        "revocation",         /* of what is open */
        "seccomp",            /* few calls */
        "second-hello",       /* is for the same name */
        "server-name",        /* is a name that was asked for */
        "smuggling",          /* what can be read in two ways is refused */
        "synthetic",          /* addresses in the place of real ones, where the policy says so */
        "unknown-peer",       /* is no guest */
        "upstream",           /* is the way of what is allowed by name */
        "upstream-answer",    /* is a good one, or there is no connection */
        "upstream-localhost", /* is not where that proxy is to go */
};

static bool left_out(const char *name) {
        const char *list = getenv("MXC_WITHOUT");
        return list && streq(list, name);
}

int __real_egress_new(Egress **ret);
int __wrap_egress_new(Egress **ret);
int __wrap_egress_new(Egress **ret) {
        bool known = !getenv("MXC_WITHOUT") || left_out("");
        for (size_t i = 0; i < ELEMENTSOF(locks); i++)
                known = known || left_out(locks[i]);
        return known ? __real_egress_new(ret) : -EINVAL;
}

/* ---- decisions ---- */

AddressKind __real_address_kind(const NetCidr *address);
AddressKind __wrap_address_kind(const NetCidr *address);
AddressKind __wrap_address_kind(const NetCidr *address) {
        AddressKind kind = __real_address_kind(address);
        if (kind == ADDRESS_SPECIAL && left_out("global"))
                return ADDRESS_GLOBAL;
        return kind == ADDRESS_NEVER && left_out("loopback") ? ADDRESS_SPECIAL : kind;
}

bool __real_host_has_address(int family, const void *address);
bool __wrap_host_has_address(int family, const void *address);
bool __wrap_host_has_address(int family, const void *address) {
        return !left_out("own-addresses") && __real_host_has_address(family, address);
}

/* What a question has opened for the kernel, held back until there is another question. */
typedef struct Learnt {
        Refusals *refusals;
        NetCidr address;
} Learnt;
static Learnt learnt[LIMIT_POLICY_RULES];
static size_t n_learnt;

void __real_refusals_learn(Refusals *r, const NetCidr *address);
void __wrap_refusals_learn(Refusals *r, const NetCidr *address);
void __wrap_refusals_learn(Refusals *r, const NetCidr *address) {
        if (left_out("learnt-first") && n_learnt < ELEMENTSOF(learnt))
                learnt[n_learnt++] = (Learnt){ r, *address };
        else
                __real_refusals_learn(r, address);
}

static void learn_what_was_told(void) {
        for (size_t i = 0; i < n_learnt; i++)
                __real_refusals_learn(learnt[i].refusals, &learnt[i].address);
        n_learnt = 0;
}

Judgement __real_judge_name(const EgressLease *l, const char *host);
Judgement __wrap_judge_name(const EgressLease *l, const char *host);
Judgement __wrap_judge_name(const EgressLease *l, const char *host) {
        Judgement j = __real_judge_name(l, host);
        learn_what_was_told();
        if (left_out("names"))
                j.verdict = VERDICT_ALLOW;
        return j;
}

Judgement __real_judge_connect(const EgressLease *l, const Destination *d);
Judgement __wrap_judge_connect(const EgressLease *l, const Destination *d);
Judgement __wrap_judge_connect(const EgressLease *l, const Destination *d) {
        Judgement j = __real_judge_connect(l, d);
        if ((j.reason == EGRESS_NO_NAME && left_out("learnt")) ||
                        (d->protocol == PROTOCOL_UDP && d->n_hosts > 0 && left_out("datagrams")))
                j.verdict = VERDICT_ALLOW;
        return j;
}

Judgement __real_judge_guest(const EgressLease *l, const Guest *g, uint16_t *ret_port);
Judgement __wrap_judge_guest(const EgressLease *l, const Guest *g, uint16_t *ret_port);
Judgement __wrap_judge_guest(const EgressLease *l, const Guest *g, uint16_t *ret_port) {
        Judgement j = __real_judge_guest(l, g, ret_port);
        if ((j.reason == EGRESS_FROM_SANDBOX && left_out("from-sandbox")) ||
                        (j.reason == EGRESS_NOT_OWNER && left_out("owner")) ||
                        (j.reason == EGRESS_UNKNOWN_PEER && left_out("unknown-peer"))) {
                j.verdict = VERDICT_ALLOW;
                *ret_port = l->publish[0].sandbox.from;
        }
        return j;
}

Judgement __real_judge_claim(
                const EgressLease *l, const Destination *d, const char *claimed, EgressReason reason);
Judgement __wrap_judge_claim(
                const EgressLease *l, const Destination *d, const char *claimed, EgressReason reason);
Judgement __wrap_judge_claim(
                const EgressLease *l, const Destination *d, const char *claimed, EgressReason reason) {
        Judgement j = __real_judge_claim(l, d, claimed, reason);
        if ((reason == EGRESS_SNI && left_out("server-name")) || (reason == EGRESS_HOST && left_out("host")))
                j.verdict = VERDICT_ALLOW;
        return j;
}

Judgement __real_judge_encrypted(const Judgement *j);
Judgement __wrap_judge_encrypted(const Judgement *j);
Judgement __wrap_judge_encrypted(const Judgement *j) {
        return left_out("ech") ? *j : __real_judge_encrypted(j);
}

int __real_egress_lease_decode(const uint8_t *data, size_t size, EgressLease **ret, const char **ret_detail);
int __wrap_egress_lease_decode(const uint8_t *data, size_t size, EgressLease **ret, const char **ret_detail);
int __wrap_egress_lease_decode(
                const uint8_t *data, size_t size, EgressLease **ret, const char **ret_detail) {
        int r = __real_egress_lease_decode(data, size, ret, ret_detail);
        if (r == 0 && left_out("host-loopback"))
                (*ret)->host_loopback = VERDICT_ALLOW;
        for (size_t i = 0; r == 0 && left_out("inspect") && i < (*ret)->egress.n_allow; i++)
                (*ret)->egress.allow[i].speech = SPEECH_OPAQUE;
        if (r == 0 && left_out("synthetic"))
                (*ret)->dns = DNS_REAL;
        if (r == 0 && left_out("deny"))
                (*ret)->egress.n_deny = 0;
        if (r == 0 && left_out("budgets"))
                (*ret)->bytes_out = (*ret)->bytes_in = (*ret)->connections = (*ret)->connection_rate =
                                LEASE_UNLIMITED;
        return r;
}

bool __real_upstream_takes(const Upstream *u, const char *host);
bool __wrap_upstream_takes(const Upstream *u, const char *host);
bool __wrap_upstream_takes(const Upstream *u, const char *host) {
        return !left_out("upstream") && __real_upstream_takes(u, host);
}

UpstreamStep __real_upstream_answer_parse(
                const uint8_t *data, size_t size, unsigned *ret_status, size_t *ret_used);
UpstreamStep __wrap_upstream_answer_parse(
                const uint8_t *data, size_t size, unsigned *ret_status, size_t *ret_used);
UpstreamStep __wrap_upstream_answer_parse(
                const uint8_t *data, size_t size, unsigned *ret_status, size_t *ret_used) {
        UpstreamStep step = __real_upstream_answer_parse(data, size, ret_status, ret_used);
        if (step == UPSTREAM_MORE || !left_out("upstream-answer"))
                return step;
        *ret_status = 200;
        *ret_used = size;
        return UPSTREAM_ANSWERED;
}

bool __real_host_is_localhost(const char *host);
bool __wrap_host_is_localhost(const char *host);
bool __wrap_host_is_localhost(const char *host) {
        return !left_out("upstream-localhost") && __real_host_is_localhost(host);
}

void __real_connection_judge_again(Egress *e);
void __wrap_connection_judge_again(Egress *e);
void __wrap_connection_judge_again(Egress *e) {
        if (!left_out("revocation"))
                __real_connection_judge_again(e);
}

void __real_datagrams_judge_again(Datagrams *d);
void __wrap_datagrams_judge_again(Datagrams *d);
void __wrap_datagrams_judge_again(Datagrams *d) {
        if (!left_out("revocation"))
                __real_datagrams_judge_again(d);
}

/* ---- what a connection says ---- */

HttpEvent __real_http_stream_feed(HttpStream *s, const uint8_t *data, size_t size, bool first,
                size_t *ret_pass, size_t *ret_head, HttpRequest *ret);
HttpEvent __wrap_http_stream_feed(HttpStream *s, const uint8_t *data, size_t size, bool first,
                size_t *ret_pass, size_t *ret_head, HttpRequest *ret);
HttpEvent __wrap_http_stream_feed(HttpStream *s, const uint8_t *data, size_t size, bool first,
                size_t *ret_pass, size_t *ret_head, HttpRequest *ret) {
        HttpEvent event = HTTP_MORE;
        if (first || !left_out("host-again"))
                event = __real_http_stream_feed(s, data, size, first, ret_pass, ret_head, ret);
        else
                *ret_pass = size;
        return event == HTTP_BAD && left_out("smuggling") ? HTTP_NOT_HTTP : event;
}

TlsHello __real_tls_walk(TlsWalk *w, const uint8_t *data, size_t size, size_t *ret_pass, TlsServerName *ret);
TlsHello __wrap_tls_walk(TlsWalk *w, const uint8_t *data, size_t size, size_t *ret_pass, TlsServerName *ret);
TlsHello __wrap_tls_walk(
                TlsWalk *w, const uint8_t *data, size_t size, size_t *ret_pass, TlsServerName *ret) {
        if (!left_out("second-hello"))
                return __real_tls_walk(w, data, size, ret_pass, ret);
        *ret_pass = size;
        return TLS_MORE;
}

/* ---- mxcd ---- */

int __real_report_send(Egress *e, EgressReport *report);
int __wrap_report_send(Egress *e, EgressReport *report);
int __wrap_report_send(Egress *e, EgressReport *report) {
        int r = __real_report_send(e, report);
        if (report->awaits && left_out("record") && !connection_recorded(e, report->serial, true))
                datagrams_recorded(e->datagrams, report->serial, true);
        return r;
}

int __real_egress_receive_order(int socket, EgressOrder *ret, int *ret_fd);
int __wrap_egress_receive_order(int socket, EgressOrder *ret, int *ret_fd);
int __wrap_egress_receive_order(int socket, EgressOrder *ret, int *ret_fd) {
        int r = __real_egress_receive_order(socket, ret, ret_fd);
        return r == -EBADMSG && left_out("orders") ? -EAGAIN : r;
}

int __real_sd_event_add_time_relative(sd_event *e, sd_event_source **ret, clockid_t clock, uint64_t usec,
                uint64_t accuracy, sd_event_time_handler_t handler, void *userdata);
int __wrap_sd_event_add_time_relative(sd_event *e, sd_event_source **ret, clockid_t clock, uint64_t usec,
                uint64_t accuracy, sd_event_time_handler_t handler, void *userdata);
int __wrap_sd_event_add_time_relative(sd_event *e, sd_event_source **ret, clockid_t clock, uint64_t usec,
                uint64_t accuracy, sd_event_time_handler_t handler, void *userdata) {
        return __real_sd_event_add_time_relative(
                        e, ret, clock, left_out("clock") ? 100 * usec : usec, accuracy, handler, userdata);
}

int __real_sd_event_source_set_time_relative(sd_event_source *s, uint64_t usec);
int __wrap_sd_event_source_set_time_relative(sd_event_source *s, uint64_t usec);
int __wrap_sd_event_source_set_time_relative(sd_event_source *s, uint64_t usec) {
        return __real_sd_event_source_set_time_relative(s, left_out("clock") ? 100 * usec : usec);
}

/* ---- the process ---- */

int __real_promise_check(void);
int __wrap_promise_check(void);
int __wrap_promise_check(void) {
        return left_out("identity") ? 0 : __real_promise_check();
}

int __real_seccomp_load(const scmp_filter_ctx filter);
int __wrap_seccomp_load(const scmp_filter_ctx filter);
int __wrap_seccomp_load(const scmp_filter_ctx filter) {
        return left_out("seccomp") ? 0 : __real_seccomp_load(filter);
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...) {
        va_list args;
        va_start(args, number);
        const long a = va_arg(args, long), b = va_arg(args, long), c = va_arg(args, long),
                   d = va_arg(args, long);
        va_end(args);
        return number == SYS_landlock_restrict_self && (left_out("landlock") || left_out("core"))
                               ? 0
                               : __real_syscall(number, a, b, c, d);
}

int __real_prctl(int option, ...);
int __wrap_prctl(int option, ...);
int __wrap_prctl(int option, ...) {
        va_list args;
        va_start(args, option);
        const unsigned long a = va_arg(args, unsigned long), b = va_arg(args, unsigned long),
                            c = va_arg(args, unsigned long), d = va_arg(args, unsigned long);
        va_end(args);
        return option == PR_SET_DUMPABLE && (left_out("dumpable") || left_out("core"))
                               ? 0
                               : __real_prctl(option, a, b, c, d);
}

/* ---- what it may not ---- */

static long act_nothing(void) {
        return open("/etc/resolv.conf", O_RDONLY | O_CLOEXEC);
}

static long act_read(void) {
        return open("/proc/self/status", O_RDONLY | O_CLOEXEC);
}

static long act_write(void) {
        return open("/tmp/mxc-egress", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

static long act_execute(void) {
        char *const argv[] = { (char *)"true", NULL };
        return execve("/bin/true", argv, argv + 1);
}

static long act_fork(void) {
        pid_t pid = fork();
        if (pid == 0)
                _exit(EXIT_SUCCESS);
        return pid;
}

static long act_trace(void) {
        return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static long act_local(void) {
        return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static long act_raw(void) {
        return socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
}

static long act_listen(void) {
        return listen(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), 1);
}

static long act_place_another(void) {
        cpu_set_t here;
        CPU_ZERO(&here);
        CPU_SET(0, &here);
        return sched_setaffinity(1, sizeof(here), &here);
}

static long act_code(void) {
        return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                                               MAP_FAILED
                               ? -1
                               : 0;
}

static long act_make_code(void) {
        void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return mprotect(memory, 4096, PROT_READ | PROT_EXEC);
}

static const struct {
        const char *name;
        long (*act)(void);
} acts[] = {
        { "nothing", act_nothing },
        { "read", act_read },
        { "write", act_write },
        { "execute", act_execute },
        { "fork", act_fork },
        { "trace", act_trace },
        { "local", act_local },
        { "raw", act_raw },
        { "listen", act_listen },
        { "place-another", act_place_another },
        { "code", act_code },
        { "make-code", act_make_code },
};

int __real_promise_keep(void);
int __wrap_promise_keep(void);
int __wrap_promise_keep(void) {
        int r = __real_promise_keep();
        const char *act = getenv("MXC_ACT");
        for (size_t i = 0; r == 0 && act && i < ELEMENTSOF(acts); i++)
                if (streq(acts[i].name, act))
                        _exit(acts[i].act() < 0 ? errno : EXIT_SUCCESS);
        return act ? -EINVAL : r;
}
