/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "spawn.h"

#include <jansson.h>
#include <systemd/sd-id128.h>

#include "admit.h"
#include "bus-error.h"
#include "bus.h"
#include "cleanup.h"
#include "log.h"
#include "names.h"
#include "spawn-internal.h"

#define WALLS_MAX 40U

DEFINE_CLEANUP(Policy *, policy_unref);

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

AuditSubject spawn_subject(const Act *a, const Agent *agent) {
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

/* The name of the agent that is asked for, which is the caller's default one where it says none. NULL: that cannot be read. */
static const char *agent_asked_for(const Act *a, char own[static sizeof("user-4294967295")]) {
        const char *name;
        (void)sd_bus_message_rewind(a->message, true); /* only fails for a message that is not sealed */
        if (sd_bus_message_read(a->message, "s", &name) <= 0)
                return NULL;
        if (*name || !a->caller)
                return name;
        (void)snprintf(own, sizeof("user-4294967295"), "user-%u", a->caller->uid);
        return own;
}

/* The name and the words of a request that was refused before they were read. */
static int record_refusal(Act *a, DecisionReason reason, const char *sentence) {
        _cleanup_(spawn_request_clear) SpawnRequest q = { .stdio = { -EBADF, -EBADF, -EBADF } };
        const Spawn *w = a->data;
        _cleanup_(sd_bus_error_free) sd_bus_error ignored = SD_BUS_ERROR_NULL;
        char own[sizeof("user-4294967295")];
        const char *name = agent_asked_for(a, own);
        (void)sd_bus_message_rewind(a->message, true);
        if (!w) /* a request that cannot be read is refused all the same, and on record */
                (void)spawn_request_read(a->message, what_of(a), &q, &ignored);
        const SpawnRequest *request = w ? &w->request : &q;
        const Agent *agent = name ? registry_peek(a->manager->registry, name) : NULL;
        AuditSubject s = spawn_subject(a, agent);
        if (!agent)
                s.agent = name;
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

void spawn_fail(Act *a, int r, const char *what) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        (void)bus_error_internal(&error, r, what);
        act_reply_error(a, &error);
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
        const AuditSubject subject = spawn_subject(a, agent);
        int r = labels_json(w->request.labels, &labels);
        if (r == 0)
                r = audit_spawn(a->manager->audit, &subject, &w->decision, w->request.argv,
                                w->request.workspace, labels, w->walls, w->unheld);
        if (r >= 0) {
                spawn_begin(a);
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

static json_t *cut_json(const char *cut) {
        return cut ? json_loads(cut, 0, NULL) : json_array();
}

static void reply_plan(Act *a) {
        Spawn *w = a->data;
        json_auto_t *document = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "verdict", "allow", "walls",
                        w->walls, "unheld", w->unheld, "cut", cut_json(w->decision.cut), "policy",
                        policy_to_json(w->decision.effective), "plan", plan_to_json(w->plan));
        _cleanup_free_ char *text = document ? json_dumps(document, JSON_INDENT(2)) : NULL;
        if (text)
                act_reply(a, "s", text);
        else
                spawn_fail(a, -ENOMEM, "The plan cannot be shown");
}

static void plan(Act *a, Agent *agent) {
        Spawn *w = a->data;
        sd_id128_t id;
        int r = sd_id128_randomize(&id);
        if (r == 0)
                r = scope_hold(a->manager, agent, &w->scope);
        if (r < 0) {
                spawn_fail(a, r, "The sandbox cannot be named");
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
                spawn_fail(a, r, "The plan cannot be made");
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
        if (r == 0 && w->decision.verdict == VERDICT_ALLOW)
                r = decide_needs(&in, w->request.needs, w->request.n_needs, &w->decision);
        if (r < 0)
                spawn_fail(a, r, "The request cannot be decided");
        else if (w->decision.verdict == VERDICT_DENY)
                refuse_decision(a);
        else
                plan(a, agent);
}

/* ---- book ---- */

/* Uids that are nobody's come by the ten thousand, of user namespaces: were there a default agent for each, whoever has them had the ceiling as
 * often, and systemd slices that stay. */
static bool is_somebodys(Act *a, const Agent *agent) {
        const Spawn *w = a->data;
        _cleanup_free_ char *sentence = NULL;
        if (!agent->is_default || w->owner.is_known)
                return true;
        if (asprintf(&sentence,
                            "Uid %u is no user of this host and has no default agent; an administrator can "
                            "register one for it, by another name than user-UID-….",
                            agent->owner) < 0)
                sentence = NULL;
        act_refuse(a, REASON_NOT_AUTHORIZED, sentence ? sentence : "That uid is no user of this host.");
        return false;
}

static int rule_in_turn(Act *a, sd_bus_error *error) {
        const Spawn *w = a->data;
        Agent *agent = registry_get(a->manager->registry, w->request.agent,
                        a->caller->uid); /* it may have gone meanwhile, or be another's */
        if (!agent)
                return -ENOENT;
        if (admit(a, agent) && is_somebodys(a, agent))
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
                spawn_fail(a, r, "The owner of the agent cannot be looked up");
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
