/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Explain: what a policy says to one question. */

#include <stdarg.h>

#include "act.h"
#include "bus-error.h"
#include "bus.h"
#include "cleanup.h"
#include "names.h"
#include "planner.h"
#include "spawn.h"

DEFINE_CLEANUP(Policy *, policy_unref);

int bus_find_policy(Manager *m, const char *name, Policy **ret, sd_bus_error *error) {
        bool stored;
        _cleanup_free_ char *sentence = NULL;
        if (streq(name, "ceiling")) {
                *ret = policy_ref((Policy *)policy_store_ceiling(m->policies));
                return 0;
        }
        int r = spawn_find_policy(m, name, ret, &stored, &sentence);
        if (r == -ENOENT || r == -EINVAL)
                return bus_error_from_reason(error,
                                r == -ENOENT ? REASON_NO_SUCH_POLICY : REASON_POLICY_INVALID,
                                sentence ? sentence : "There is no such policy.");
        return r;
}

typedef struct Question {
        PolicyRequest request;
        const char *workspace;
        bool has_amount;
} Question;

static int read_question_option(sd_bus_message *m, Question *q, sd_bus_error *error) {
        static const struct {
                const char *word;
                unsigned bit;
        } protocols[] = { { "tcp", PROTOCOL_TCP }, { "udp", PROTOCOL_UDP }, { "icmp", PROTOCOL_ICMP } };
        const char *name, *text;
        int r = sd_bus_message_read_basic(m, 's', &name);
        if (r < 0)
                return r;
        if (streq(name, "port"))
                return sd_bus_message_read(m, "v", "q", &q->request.port);
        if (streq(name, "from")) {
                uint16_t port = 0;
                r = sd_bus_message_read(m, "v", "q", &port);
                q->request.amount = port;
                return r;
        }
        if (streq(name, "amount")) {
                q->has_amount = true;
                return sd_bus_message_read(m, "v", "t", &q->request.amount);
        }
        const bool known = streq(name, "target") || streq(name, "value") || streq(name, "workspace") ||
                           streq(name, "protocol");
        if (!known)
                return sd_bus_error_setf(error, MXC_ERROR_INVALID_ARGUMENT,
                                "%s: there is no such option here.", name);
        r = sd_bus_message_read(m, "v", "s", &text);
        if (r < 0)
                return r;
        if (strlen(text) >
                        LIMIT_POLICY_ENV_VALUE_BYTES) /* the longest of what is asked about, and the answer repeats it */
                return sd_bus_error_setf(error, MXC_ERROR_LIMIT_REACHED, "%s: more than %u bytes.", name,
                                LIMIT_POLICY_ENV_VALUE_BYTES);
        if (streq(name, "target"))
                q->request.target = text;
        else if (streq(name, "value"))
                q->request.value = text;
        else if (streq(name, "workspace"))
                q->workspace = text;
        else {
                q->request.protocol = 0;
                for (size_t i = 0; i < ELEMENTSOF(protocols); i++)
                        if (streq(text, protocols[i].word))
                                q->request.protocol = protocols[i].bit;
                if (q->request.protocol == 0)
                        return sd_bus_error_set(error, MXC_ERROR_INVALID_ARGUMENT,
                                        "protocol: one of tcp, udp, icmp.");
        }
        return 0;
}

/* What the target ought to be, where it is none that can be meant: "denied" would be taken for an answer. NULL: it is one. */
static const char *wanted_target(const PolicyRequest *q) {
        NetCidr address;
        char host[LIMIT_HOST_BYTES + 1];
        switch (q->kind) {
        case REQUEST_READ:
        case REQUEST_WRITE:
        case REQUEST_EXEC:
                return path_is_normal(q->target) ? NULL
                                                 : "an absolute path without '.', '..', '//' or a slash at "
                                                   "its end";
        case REQUEST_CONNECT:
                return cidr_parse_address(q->target, &address) || !host_canonical(q->target, false, host)
                                       ? NULL
                                       : "a host or an address, such as api.github.com";
        case REQUEST_PUBLISH:
                return cidr_parse_address(q->target, &address)
                                       ? NULL
                                       : "an address of this host, such as 127.0.0.1";
        case REQUEST_ENV:
                return env_name_is_valid(q->target) ? NULL
                                                    : "the name of a variable, such as LANG, whose value is "
                                                      "said apart";
        case REQUEST_SYSCALL:
                return syscall_index(q->target) >= 0
                                       ? NULL
                                       : "a system call that mxcd knows, such as openat, since "
                                         "no policy allows another";
        case REQUEST_RESOURCE:
                return policy_resource_is_known(q->target)
                                       ? NULL
                                       : "a key of resources or of network.egress.limits, "
                                         "such as memoryMax";
        case REQUEST_SPAWN:
        case _REQUEST_MAX:
                break;
        }
        return NULL;
}

static int check_question(const Question *question, sd_bus_error *error) {
        const PolicyRequest *q = &question->request;
        const char *wanted = wanted_target(q);
        if (wanted)
                return sd_bus_error_setf(error, MXC_ERROR_INVALID_ARGUMENT, "target: %s; not '%s'.", wanted,
                                q->target);
        if (q->kind == REQUEST_RESOURCE && !question->has_amount)
                return sd_bus_error_setf(error, MXC_ERROR_INVALID_ARGUMENT,
                                "amount: how much of %s is asked for must be said.", q->target);
        if (q->kind == REQUEST_PUBLISH && *q->value &&
                        !streq(q->value, publish_clients_words[PUBLISH_OWNER]) &&
                        !streq(q->value, publish_clients_words[PUBLISH_ANY]))
                return sd_bus_error_setf(error, MXC_ERROR_INVALID_ARGUMENT,
                                "value: for whom a port is published is owner or any; not '%s'.", q->value);
        if (q->port == 0 && (q->kind == REQUEST_PUBLISH ||
                                            (q->kind == REQUEST_CONNECT && q->protocol != PROTOCOL_ICMP)))
                return sd_bus_error_setf(error, MXC_ERROR_INVALID_ARGUMENT,
                                "port: which one must be said, as in %s.",
                                q->kind == REQUEST_PUBLISH ? "127.0.0.1:8080" : "api.github.com:443");
        if (question->workspace && !path_is_normal(question->workspace))
                return sd_bus_error_setf(error, MXC_ERROR_INVALID_ARGUMENT,
                                "workspace: an absolute path; not '%s'.", question->workspace);
        return 0;
}

static int read_question(sd_bus_message *m, const char *action, Question *q, sd_bus_error *error) {
        static const char *const words[_REQUEST_MAX] = { "read", "write", "exec", "connect", "env",
                "syscall", "resource", "spawn", "publish" };
        size_t i = 0;
        while (i < ELEMENTSOF(words) && !streq(words[i], action))
                i++;
        if (i == ELEMENTSOF(words))
                return sd_bus_error_setf(error, MXC_ERROR_INVALID_ARGUMENT,
                                "action: one of read, write, exec, connect, env, syscall, resource, spawn, "
                                "publish; not '%s'.",
                                action);
        *q = (Question){
                .request = { .kind = (RequestKind)i, .target = "", .value = "", .protocol = PROTOCOL_TCP }
        };
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0) {
                r = sd_bus_message_enter_container(m, 'e', "sv");
                if (r <= 0)
                        break;
                r = read_question_option(m, q, error);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        if (r < 0)
                return r;
        r = check_question(q, error);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

_printf_(2, 3) static int add_remark(Explanation *e, const char *format, ...) {
        _cleanup_free_ char *more = NULL;
        char *sentence = NULL;
        va_list ap;
        va_start(ap, format);
        int r = vasprintf(&more, format, ap);
        va_end(ap);
        if (r < 0) {
                more = NULL;
                return -ENOMEM;
        }
        if (asprintf(&sentence, "%s %s", e->sentence ? e->sentence : "", more) < 0)
                return -ENOMEM;
        free(e->sentence);
        e->sentence = sentence;
        return 0;
}

/* What is allowed by name goes by the host's proxy, where there is one. A proxy that is not known is no way at all. */
static int remark_on_upstream(const Upstream *u, const PolicyRequest *q, Explanation *e) {
        NetCidr address;
        char host[LIMIT_HOST_BYTES + 1];
        if (q->kind != REQUEST_CONNECT || e->verdict != VERDICT_ALLOW || q->protocol != PROTOCOL_TCP ||
                        cidr_parse_address(q->target, &address) || host_canonical(q->target, false, host) ||
                        !upstream_takes(u, host))
                return 0;
        if (*u->host)
                return add_remark(e,
                                "It is reached through the proxy of this host, %s port %u, which finds the "
                                "address itself.",
                                u->host, u->port);
        e->verdict = VERDICT_DENY;
        e->bound = "host";
        return add_remark(e,
                        "But it would be reached through the proxy of this host, of which upstream.json "
                        "says nothing that can be used.");
}

/* A limit that nobody holds is one of the policy all the same: the verdict stays. */
static int remark_on_host(const Manager *m, const PolicyRequest *q, Explanation *e) {
        if (q->kind == REQUEST_RESOURCE && !host_holds_resource(&m->host, q->target))
                return add_remark(
                                e, "This host cannot hold it: it has no control group controller for that.");
        uint64_t number;
        return remark_on_upstream(policy_store_upstream(m->policies, &number), q, e);
}

/* The caller's home is known, and is the data of the act. */
static int explain_it(Act *a, sd_bus_error *error) {
        const char *name, *action;
        Question q;
        _cleanup_(policy_unrefp) Policy *p = NULL;
        _cleanup_(explanation_clear) Explanation e = { .verdict = VERDICT_DENY };
        int r = sd_bus_message_rewind(a->message, true);
        if (r >= 0)
                r = sd_bus_message_read(a->message, "ss", &name, &action);
        if (r >= 0)
                r = read_question(a->message, action, &q, error);
        if (r >= 0)
                r = bus_find_policy(a->manager, name, &p, error);
        const DecideInput in = {
                .requested = p,
                .ceiling = policy_store_ceiling(a->manager->policies),
                .binding = { .workspace = q.workspace, .home = a->data },
        };
        if (r >= 0)
                r = explain(&in, &q.request, &e);
        if (r >= 0)
                r = remark_on_host(a->manager, &q.request, &e);
        if (r < 0)
                return r;
        act_reply(a, "a{sv}", 7, "verdict", "s", e.verdict == VERDICT_ALLOW ? "allow" : "deny", "reason",
                        "s",
                        e.verdict == VERDICT_ALLOW  ? "allowed"
                        : streq(e.bound, "ceiling") ? "beyond-ceiling"
                                                    : "not-granted",
                        "clause", "s", e.clause ? e.clause : "", "sentence", "s",
                        e.sentence ? e.sentence : "", "policy", "s", p->name, "digest", "s", p->digest,
                        "bound", "s", e.bound ? e.bound : "");
        return 0;
}

static void on_explain_user(const User *user, int e, void *userdata) {
        Act *a = userdata;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        a->free_data = free;
        a->data = user && user->home ? strdup(user->home) : NULL;
        int r = !user ? e : user->home && !a->data ? -ENOMEM : act_in_turn(a, explain_it);
        if (r >= 0)
                return;
        (void)bus_error_internal(&error, r, "It cannot be explained"); /* returns what it sets */
        act_reply_error(a, &error);
}

static int run_explain(Act *a, sd_bus_error *error) {
        return user_cache_get(a->manager->users, a->caller->uid, on_explain_user, a);
}

const ActKind act_explain = { MXC_IFACE_MANAGER, "Explain", NULL, run_explain, NULL, false };
