/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "spawn.h"

#include <fcntl.h>
#include <jansson.h>
#include <systemd/sd-id128.h>

#include "admit.h"
#include "bus-error.h"
#include "bus.h"
#include "cleanup.h"
#include "codec.h"
#include "live.h"
#include "log.h"
#include "names.h"
#include "planner.h"
#include "relay.h"
#include "release.h"
#include "request.h"
#include "sandbox.h"
#include "spawn-info.h"

#define WALLS_MAX 40U

DEFINE_CLEANUP(Policy *, policy_unref);

/* A Spawn under way: the data of its act. */
typedef struct Spawn {
        SpawnRequest request;
        User owner;        /* copied */
        Policy *requested; /* a reference */
        bool stored;
        Decision decision;
        char id[33];
        Scope *scope;       /* held */
        PlanLayout *layout; /* a reference */
        LaunchPlan *plan;   /* borrows it */
        char *walls, *unheld;
        RelayEnds relay;  /* where the plan has one */
        Sandbox *sandbox; /* not owned: the table's; NULL before and after the launcher was asked */
        uint64_t began;
        bool again; /* the scope was gone once already */
} Spawn;

static void spawn_free(void *data) {
        Spawn *w = data;
        spawn_request_clear(&w->request);
        user_clear(&w->owner);
        policy_unref(w->requested);
        decision_clear(&w->decision);
        if (w->scope)
                scope_release(w->scope);
        plan_free_borrowing(w->plan);
        plan_layout_unref(w->layout);
        relay_ends_close(&w->relay);
        free(w->walls);
        free(w->unheld);
        free(w);
}

static AuditSubject subject_of(const Act *a, const Agent *agent) {
        const Spawn *w = a->data;
        AuditSubject s = { .caller = a->caller, .on_behalf_uid = AUDIT_NO_UID };
        if (agent) {
                s.agent = agent->name;
                s.agent_uuid = agent->uuid;
                s.on_behalf_uid = agent->owner;
        }
        if (w) {
                s.sandbox = w->id[0] ? w->id : NULL;
                s.on_behalf_user = w->owner.name;
                s.policy = w->requested ? w->requested->name : w->request.policy;
                s.digest = s.stored_digest = w->requested ? w->requested->digest : NULL;
                if (w->decision.effective) {
                        s.digest = w->decision.effective->digest;
                        s.tier = "process";
                }
                s.unit = w->scope ? w->scope->unit : NULL;
        }
        return s;
}

/* ---- refusals ---- */

static RequestFor what_of(const Act *a) {
        return a->kind == &act_plan             ? REQUEST_FOR_PLAN
               : a->kind == &act_create_sandbox ? REQUEST_FOR_CREATE
                                                : REQUEST_FOR_SPAWN;
}

/* The name and the words of a request that was refused before they were read. */
static int record_refusal(Act *a, DecisionReason reason, const char *sentence) {
        _cleanup_(spawn_request_clear) SpawnRequest q = { .stdio = { -EBADF, -EBADF, -EBADF } };
        const Spawn *w = a->data;
        _cleanup_(sd_bus_error_free) sd_bus_error ignored = SD_BUS_ERROR_NULL;
        (void)sd_bus_message_rewind(a->message, true); /* only fails for a message that is not sealed */
        if (!w && spawn_request_read(a->message, what_of(a), &q, &ignored) < 0)
                q.agent = strdup(
                                ""); /* a request that cannot be read is refused all the same, and on record */
        const SpawnRequest *request = w ? &w->request : &q;
        Agent *agent = request->agent ? registry_find(a->manager->registry, request->agent) : NULL;
        AuditSubject s = subject_of(a, agent);
        if (!agent)
                s.agent = request->agent;
        if (!w)
                s.policy = request->policy;
        const Decision d = { .verdict = VERDICT_DENY,
                .reason = reason,
                .clause = (char *)"",
                .sentence = (char *)sentence,
                .bound = "host" };
        const Decision *denied =
                        w && w->decision.verdict == VERDICT_DENY && w->decision.sentence ? &w->decision : &d;
        if (a->kind == &act_plan)
                return audit_plan(a->manager->audit, &s, denied, request->argv, request->workspace);
        return audit_spawn(
                        a->manager->audit, &s, denied, request->argv, request->workspace, NULL, NULL, NULL);
}

static void refuse_decision(Act *a) {
        Spawn *w = a->data;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        if (record_refusal(a, w->decision.reason, w->decision.sentence) < 0)
                log_error("A refusal is not on record.");
        (void)bus_error_from_decision(&error, &w->decision,
                        w->requested ? w->requested->name : ""); /* returns what it sets */
        act_reply_error(a, &error);
}

static void fail(Act *a, int r, const char *what) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        (void)bus_error_internal(&error, r, what);
        act_reply_error(a, &error);
}

/* ---- yard ---- */

/* As many as fit in max bytes, and then "…": it is for showing, stays in memory, and is in a record in /run for as long as the sandbox
 * lives. */
static char **copy_words(char *const *words, size_t max) {
        size_t n = 0, bytes = 0;
        while (words && words[n] && (bytes += strlen(words[n]) + 1) <= max)
                n++;
        char **copy = calloc(n + 2, sizeof(char *));
        for (size_t i = 0; copy && i < n; i++)
                copy[i] = strdup(words[i]); /* a missing one ends the list */
        if (copy && words && words[n])
                copy[n] = strdup("\xe2\x80\xa6");
        return copy;
}

static uint64_t deadline_of(const Spawn *w) {
        uint64_t limit = w->decision.effective->resources[RESOURCE_RUNTIME_MAX];
        if (w->request.timeout > 0 && w->request.timeout < limit)
                limit = w->request.timeout;
        return limit == RESOURCE_UNLIMITED ? 0 : now_boottime() + limit;
}

static int fill_sandbox(Act *a, Sandbox *s) {
        Spawn *w = a->data;
        int r = user_copy(&w->owner, &s->owner);
        if (r < 0)
                return r;
        free(s->owner.groups); /* only for opening what a request names */
        s->owner.groups = NULL;
        s->owner.n_groups = 0;
        s->caller = a->caller->uid;
        s->scope = w->scope;
        w->scope = NULL; /* the hold goes along */
        s->policy = strdup(w->requested->name);
        s->workspace = strdup(w->request.workspace ? w->request.workspace : "");
        s->walls = strdup(w->walls);
        s->unheld = strdup(w->unheld);
        s->argv = copy_words(w->request.argv, LIMIT_SHOWN_ARGV_BYTES);
        s->labels = copy_words(w->request.labels, SIZE_MAX); /* bounded as they are */
        if (!s->policy || !s->workspace || !s->walls || !s->unheld || !s->argv || !s->labels ||
                        asprintf(&s->leaf, "%s/%s", s->scope->path, s->id) < 0)
                return -ENOMEM;
        s->has_command = w->request.argv != NULL;
        s->origin = !w->stored                                          ? ORIGIN_DOCUMENT
                    : w->request.policy && w->request.policy[0] != '\0' ? ORIGIN_STORE
                                                                        : ORIGIN_AGENT;
        uint64_t number;
        s->leased = w->plan->relay_uid != 0 && policy_store_upstream(a->manager->policies, &number)->set;
        s->tied = w->request.tie;
        s->started = now_realtime();
        s->started_boottime = now_boottime();
        s->deadline = deadline_of(w);
        r = runtime_effective_new(w->decision.effective, &s->effective);
        if (r == 0)
                r = command_new(s, 0, a->caller->bus, a->caller->sender, s->tied, NULL);
        return r < 0 ? r : runtime_save(s);
}

static void reply_started(Act *a, Sandbox *s, int pty) {
        sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(a->message, &reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "o", s->object);
        if (r >= 0)
                r = spawn_info_append(reply, s, pty);
        if (r >= 0) {
                act_reply_message(a, reply);
                return;
        }
        sd_bus_message_unref(reply);
        (void)sandbox_kill_all(s); /* nobody knows of it; logs itself */
        fail(a, r, "The answer cannot be made");
}

static void give_up(Act *a, const LaunchReport *report) {
        Spawn *w = a->data;
        Sandbox *s = w->sandbox;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        const AuditSubject subject = sandbox_subject(s, a->caller);
        const char *step = report->step < _LAUNCH_STEP_MAX ? launch_step_to_string((LaunchStep)report->step)
                                                           : "unknown";
        if (audit_fail(a->manager->audit, &subject, step, report->error, report->detail) < 0)
                log_error("The failure of sandbox %s is not on record.", s->id);
        (void)sandbox_kill_all(s);     /* a launcher that died may have begun it; logs itself */
        if (report->error != ENOTCONN) /* of what one that stands still begins later, its HELLO tells */
                release_begin(s->manager, s->scope->path, s->id, 0, &subject);
        runtime_remove(s->id);
        sandbox_free(s);
        w->sandbox = NULL;
        (void)bus_error_from_report(&error, report,
                        w->request.argv ? w->request.argv[0] : NULL); /* returns what it sets */
        act_reply_error(a, &error);
}

static void yard(Act *a);

static void on_launched(const LaunchReport *report, int *fds, size_t n_fds, void *userdata) {
        Act *a = userdata;
        Spawn *w = a->data;
        Sandbox *s = w->sandbox;
        size_t expected = w->request.pty ? 3 : 2;
        if (report->event != LAUNCH_EVENT_STARTED || n_fds != expected) {
                LaunchReport broken = *report;
                if (report->event == LAUNCH_EVENT_STARTED) {
                        broken.step = LAUNCH_STEP_FDS;
                        broken.error = EBADF;
                        (void)sandbox_kill_all(s); /* logs itself */
                }
                if (report->step == LAUNCH_STEP_CGROUP && report->error == ENOENT && !w->again) {
                        /* the scope went without a word: its processes were killed from outside */
                        w->again = true;
                        w->scope = s->scope;
                        s->scope = NULL;
                        scope_forget(w->scope);
                        runtime_remove(s->id);
                        sandbox_free(s);
                        w->sandbox = NULL;
                        yard(a);
                        return;
                }
                give_up(a, &broken);
                return;
        }
        sandbox_started(s, report->pid, TAKE_FD(fds[0]), TAKE_FD(fds[1]));
        const AuditSubject subject = sandbox_subject(s, a->caller);
        if (audit_start(a->manager->audit, &subject, s->leader, now_boottime() - w->began) < 0)
                log_error("The start of sandbox %s is not on record; that it was allowed is.", s->id);
        int r = sandbox_arm_timer(s);
        if (r == 0 && w->relay.ours >= 0)
                r = relay_new(s, TAKE_FD(w->relay.ours), &s->relay);
        if (r == 0 && s->relay)
                s->relay->upstream = w->relay.upstream;
        if (r == 0)
                live_update(s, "policy-load", NULL); /* it may have changed while it was built */
        Command *c = command_find(s, 0);
        /* no timer, or no network; who waits for it went while it was built; or it was to end before it was there to be killed */
        if (r < 0 || (c->tied && !c->bus) || s->reason != END_EXITED)
                (void)sandbox_kill_all(s); /* logs itself */
        bus_emit_sandbox(a->manager, "SandboxNew", s);
        reply_started(a, s, n_fds == 3 ? fds[2] : -EBADF);
}

static int send_plan(Act *a) {
        Spawn *w = a->data;
        _cleanup_free_ uint8_t *data = NULL;
        _cleanup_close_ int memfd = -EBADF, null = -EBADF;
        size_t size;
        int r = launch_plan_encode(w->plan, &data, &size);
        if (r == 0)
                r = sealed_memfd_new(data, size, &memfd);
        if (r < 0)
                return r;
        int fds[LAUNCH_MAX_FDS] = { memfd };
        size_t n = 1;
        for (size_t i = 0; i < ELEMENTSOF(w->request.stdio) && !w->request.pty; i++) {
                if (w->request.stdio[i] < 0 && null < 0) {
                        null = open("/dev/null", O_RDWR | O_CLOEXEC);
                        if (null < 0)
                                return -errno;
                }
                fds[n++] = w->request.stdio[i] < 0 ? null : w->request.stdio[i];
        }
        if (w->plan->relay_uid != 0) {
                const RelayTerms terms = relay_terms(a->manager, w->decision.effective, w->owner.uid);
                if (w->relay.ours < 0)
                        r = relay_ends_new(w->id, &terms, &w->relay);
                if (r < 0)
                        return r;
                fds[n++] = w->relay.lease;
                fds[n++] = w->relay.table;
                fds[n++] = w->relay.theirs;
                fds[n++] = w->relay.ours; /* the launcher keeps a copy for the next mxcd */
        }
        const LaunchRequest q = { .verb = LAUNCH_SPAWN };
        return launch_channel_call(a->manager->launch, &q, fds, n, on_launched, a);
}

static void on_scope(Scope *scope, int error, const char *sentence, void *userdata) {
        Act *a = userdata;
        Spawn *w = a->data;
        if (error == 0 && !admit(a, scope->agent)) /* it waited for users and scopes meanwhile */
                return;
        int r = error < 0 ? error : sandbox_new(a->manager, w->id, scope->agent, &w->sandbox);
        if (r == 0)
                r = fill_sandbox(a, w->sandbox);
        if (r == 0)
                r = send_plan(a);
        if (r == 0)
                return; /* on_launched() goes on */
        if (w->sandbox) {
                runtime_remove(w->id);
                sandbox_free(w->sandbox);
                w->sandbox = NULL;
        }
        LaunchReport failed = { .event = LAUNCH_EVENT_FAILED, .step = LAUNCH_STEP_CGROUP, .error = -r };
        (void)snprintf(failed.detail, sizeof(failed.detail), "%s",
                        sentence ? sentence : "it could not be asked for");
        const AuditSubject subject = subject_of(a, scope->agent);
        if (audit_fail(a->manager->audit, &subject, "scope", -r, failed.detail) < 0)
                log_error("The failure of sandbox %s is not on record.", w->id);
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        (void)bus_error_from_report(&e, &failed, NULL); /* returns what it sets */
        act_reply_error(a, &e);
}

static void yard(Act *a) {
        Spawn *w = a->data;
        int r = scope_when_ready(w->scope, on_scope, a);
        if (r < 0)
                fail(a, r, "The agent's scope cannot be waited for");
}

/* ---- record ---- */

static int labels_json(char *const *labels, char **ret) {
        json_auto_t *object = json_object();
        for (size_t i = 0; object && labels && labels[i]; i += 2)
                if (json_object_set_new(object, labels[i], json_string(labels[i + 1])) < 0)
                        return -ENOMEM;
        *ret = object && json_object_size(object) > 0 ? json_dumps(object, JSON_COMPACT) : NULL;
        return 0;
}

static void record(Act *a, const Agent *agent) {
        Spawn *w = a->data;
        _cleanup_free_ char *labels = NULL;
        const AuditSubject subject = subject_of(a, agent);
        int r = labels_json(w->request.labels, &labels);
        if (r == 0)
                r = audit_spawn(a->manager->audit, &subject, &w->decision, w->request.argv,
                                w->request.workspace, labels, w->walls, w->unheld);
        if (r >= 0) {
                yard(a);
                return;
        }
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        if (act_unrecorded(a, r, &error) < 0)
                act_reply_error(a, &error);
}

/* ---- plan ---- */

static int join(const char *const *words, size_t n, char **ret) {
        size_t size;
        char *text = NULL;
        FILE *f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                fprintf(f, "%s%s", i > 0 ? " " : "", words[i]);
        if (fclose(f) != 0) {
                free(text);
                return -ENOMEM;
        }
        *ret = text;
        return 0;
}

static int say_what_holds(const LaunchPlan *p, const HostFacts *host, char **ret_walls, char **ret_unheld) {
        const char *walls[WALLS_MAX], *unheld[_PLAN_LIMIT_MAX];
        int r = join(walls, plan_walls(p, host, walls, WALLS_MAX), ret_walls);
        return r < 0 ? r : join(unheld, plan_unheld(p, host, unheld), ret_unheld);
}

static int make_plan(Act *a, const Agent *agent, DecisionReason *ret_reason, char **ret_sentence) {
        Spawn *w = a->data;
        Manager *m = a->manager;
        bool own = a->caller->uid == agent->owner;
        const PlanInput in = {
                .decision = &w->decision,
                .stored = w->stored ? w->requested : NULL,
                .host = &m->host,
                .handoff = policy_store_handoff(m->policies),
                .owner = &w->owner,
                .groups = own ? a->caller->groups : w->owner.groups,
                .n_groups = own ? a->caller->n_groups : w->owner.n_groups,
                .id = w->id,
                .scope = w->scope->path,
                .agent = agent->name,
                .workspace = w->request.workspace,
                .argv = w->request.argv,
                .env = w->request.env,
                .cwd = w->request.cwd,
                .pty = w->request.pty,
                .rows = w->request.rows,
                .columns = w->request.columns,
        };
        int r = plan_cache_get(m->plans, &in, &w->layout, ret_reason, ret_sentence);
        if (r == 0)
                r = plan_make_from(&in, w->layout, &w->plan, ret_reason, ret_sentence);
        return r < 0 ? r : say_what_holds(w->plan, &m->host, &w->walls, &w->unheld);
}

static void reply_plan(Act *a) {
        Spawn *w = a->data;
        json_auto_t *document = json_pack("{s:s, s:s, s:s, s:o, s:o}", "verdict", "allow", "walls", w->walls,
                        "unheld", w->unheld, "policy", policy_to_json(w->decision.effective), "plan",
                        plan_to_json(w->plan));
        _cleanup_free_ char *text = document ? json_dumps(document, JSON_INDENT(2)) : NULL;
        if (text)
                act_reply(a, "s", text);
        else
                fail(a, -ENOMEM, "The plan cannot be shown");
}

static void plan(Act *a, Agent *agent) {
        Spawn *w = a->data;
        sd_id128_t id;
        int r = sd_id128_randomize(&id);
        if (r == 0)
                r = scope_hold(a->manager, agent, &w->scope);
        if (r < 0) {
                fail(a, r, "The sandbox cannot be named");
                return;
        }
        (void)sd_id128_to_string(id, w->id); /* cannot fail */
        DecisionReason reason = REASON_INVALID_ARGUMENT;
        char *sentence = NULL;
        r = make_plan(a, agent, &reason, &sentence);
        if (r < 0 && sentence) {
                decision_clear(&w->decision);
                w->decision = (Decision){ .verdict = VERDICT_DENY,
                        .reason = reason,
                        .clause = strdup(""),
                        .sentence = sentence,
                        .bound = "host" };
                refuse_decision(a);
        } else if (r < 0) {
                free(sentence);
                fail(a, r, "The plan cannot be made");
        } else if (a->kind == &act_plan) {
                reply_plan(a);
        } else {
                record(a, agent);
        }
}

/* ---- rule ---- */

int spawn_find_policy(Manager *m, const char *name, Policy **ret, bool *ret_stored, char **ret_sentence) {
        if (name[0] != '{') {
                const Policy *p = policy_store_find(m->policies, name);
                if (!p) {
                        if (asprintf(ret_sentence, "There is no policy '%s'; see mxcctl policy list.",
                                            name) < 0)
                                *ret_sentence = NULL;
                        return -ENOENT;
                }
                *ret = policy_ref((Policy *)p);
                *ret_stored = true;
                return 0;
        }
        PolicyError error = { 0 };
        int r = policy_parse(name, strlen(name), policy_store_lookup, m->policies, ret, &error);
        if (r == -EINVAL && asprintf(ret_sentence, "line %d, column %d: %s%s%s", error.line, error.column,
                                            error.pointer ? error.pointer : "",
                                            error.pointer && error.pointer[0] ? ": " : "",
                                            error.sentence ? error.sentence : "") < 0)
                *ret_sentence = NULL;
        policy_error_clear(&error);
        *ret_stored = false;
        return r;
}

static void deny(Act *a, DecisionReason reason, char *sentence) {
        Spawn *w = a->data;
        decision_clear(&w->decision);
        w->decision = (Decision){ .verdict = VERDICT_DENY,
                .reason = reason,
                .clause = strdup(""),
                .sentence = sentence,
                .bound = "policy" };
        refuse_decision(a);
}

static void rule(Act *a, Agent *agent) {
        Spawn *w = a->data;
        Manager *m = a->manager;
        char *sentence = NULL;
        const char *name = w->request.policy && w->request.policy[0] ? w->request.policy : agent->policy;
        int r = spawn_find_policy(m, name, &w->requested, &w->stored, &sentence);
        if (r == -ENOENT || r == -EINVAL) {
                deny(a, r == -ENOENT ? REASON_NO_SUCH_POLICY : REASON_POLICY_INVALID, sentence);
                return;
        }
        const Policy *own = agent->is_default ? NULL : policy_store_find(m->policies, agent->policy);
        if (!agent->is_default && !own) {
                if (asprintf(&sentence,
                                    "The policy '%s' of agent %s is not there; an administrator must set "
                                    "another.",
                                    agent->policy, agent->name) < 0)
                        sentence = NULL;
                deny(a, REASON_NO_SUCH_POLICY, sentence);
                return;
        }
        const DecideInput in = {
                .requested = w->requested,
                .agent = own,
                .ceiling = policy_store_ceiling(m->policies),
                .binding = { .workspace = w->request.workspace, .home = w->owner.home },
                .clamp = w->request.clamp,
                .containment = w->request.containment,
        };
        if (r == 0)
                r = decision_cache_get(m->decisions, &in, &w->decision);
        if (r < 0)
                fail(a, r, "The request cannot be decided");
        else if (w->decision.verdict == VERDICT_DENY)
                refuse_decision(a);
        else
                plan(a, agent);
}

/* ---- book ---- */

static int rule_in_turn(Act *a, sd_bus_error *error) {
        const Spawn *w = a->data;
        Agent *agent = registry_get(a->manager->registry, w->request.agent,
                        a->caller->uid); /* it may have gone meanwhile */
        if (!agent)
                return -ENOENT;
        rule(a, agent);
        return 0;
}

/* A document of the caller's own is read and compared each time, and a dry run prints all of it; what is stored is known already. */
static bool takes_long(const Act *a) {
        const Spawn *w = a->data;
        return a->kind == &act_plan || (w->request.policy && w->request.policy[0] == '{');
}

static void on_owner(const User *user, int error, void *userdata) {
        Act *a = userdata;
        Spawn *w = a->data;
        int r = user ? user_copy(user, &w->owner) : error;
        if (r >= 0)
                r = takes_long(a) ? act_in_turn(a, rule_in_turn) : rule_in_turn(a, NULL);
        if (r < 0)
                fail(a, r, "The owner of the agent cannot be looked up");
}

static int run(Act *a, sd_bus_error *error) {
        Spawn *w = calloc(1, sizeof(Spawn));
        if (!w)
                return -ENOMEM;
        w->request.stdio[0] = w->request.stdio[1] = w->request.stdio[2] = -EBADF;
        w->relay = RELAY_ENDS_NONE;
        w->began = now_boottime();
        int r = sd_bus_message_rewind(a->message, true);
        if (r >= 0)
                r = spawn_request_read(a->message, what_of(a), &w->request, error);
        a->data = w;
        a->free_data = spawn_free;
        if (r < 0)
                return r;
        Agent *agent = registry_get(a->manager->registry, w->request.agent, a->caller->uid);
        if (!agent)
                return -ENOENT;
        return admit(a, agent) ? user_cache_get(a->manager->users, agent->owner, on_owner, a) : 0;
}

static int owner(Act *a, uid_t *ret, sd_bus_error *error) {
        const char *name;
        int r = sd_bus_message_read(a->message, "s", &name);
        if (r < 0)
                return r;
        Agent *agent = registry_get(a->manager->registry, name, a->caller->uid);
        if (agent) {
                *ret = agent->owner;
                return 0;
        }
        if (record_refusal(a, REASON_NO_SUCH_AGENT, "There is no such agent.") < 0)
                log_error("A refusal is not on record.");
        return sd_bus_error_setf(error, MXC_ERROR_NO_SUCH_AGENT,
                        "There is no agent '%s'; see mxcctl agent list.", name);
}

const ActKind act_spawn = { MXC_IFACE_MANAGER, "Spawn", owner, run, record_refusal, true };
const ActKind act_create_sandbox = { MXC_IFACE_MANAGER, "CreateSandbox", owner, run, record_refusal, true };
const ActKind act_plan = { MXC_IFACE_MANAGER, "Plan", owner, run, record_refusal, false };
