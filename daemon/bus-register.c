/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RegisterAgent and RevokeAgent: an administrator's, but of a user's own further agents. */

#include "act.h"
#include "bus-error.h"
#include "bus.h"
#include "cleanup.h"
#include "names.h"

typedef struct Registration {
        AgentDocument document;
} Registration;

static void registration_free(void *data) {
        Registration *g = data;
        agent_document_clear(&g->document);
        free(g);
}

static int refuse_registration(const AgentDocument *d, int r, sd_bus_error *error) {
        if (r == -EEXIST)
                return sd_bus_error_setf(error, MXC_ERROR_AGENT_EXISTS,
                                "There is an agent '%s' already, or was one that is revoked.", d->name);
        if (r == -EPERM)
                return sd_bus_error_setf(error, MXC_ERROR_INVALID_ARGUMENT,
                                "'%s' is the name of a user's default agent, or of a further one of another "
                                "user's.",
                                d->name);
        if (r == -EDQUOT)
                return sd_bus_error_setf(error, MXC_ERROR_LIMIT_REACHED,
                                "There are %u agents of this user's own already; revoke one.",
                                LIMIT_AGENTS_OF_USER);
        if (r == -EUSERS)
                return sd_bus_error_setf(error, MXC_ERROR_LIMIT_REACHED,
                                "Of the %u agents that all users may make for themselves beyond each one's "
                                "first, none is left for "
                                "this one; revoke one, or have an administrator revoke others'.",
                                LIMIT_AGENTS);
        return sd_bus_error_setf(
                        error, MXC_ERROR_LIMIT_REACHED, "There are %u agents already.", LIMIT_AGENTS);
}

static int register_it(Act *a, sd_bus_error *error) {
        const AgentDocument *d = &((Registration *)a->data)->document;
        const Policy *policy = policy_store_find(a->manager->policies, d->policy);
        if (!policy)
                return sd_bus_error_setf(error, MXC_ERROR_NO_SUCH_POLICY,
                                "There is no policy '%s'; see mxcctl policy list.", d->policy);
        int r = registry_may_register(a->manager->registry, d);
        if (r < 0)
                return refuse_registration(d, r, error);
        char uuid[37]; /* names come again */
        r = agent_uuid_random(uuid);
        if (r < 0)
                return r;
        const AuditSubject s = { .caller = a->caller,
                .agent = d->name,
                .agent_uuid = uuid,
                .on_behalf_uid = d->owner,
                .policy = d->policy,
                .digest = policy->digest };
        r = audit_register(a->manager->audit, &s);
        if (r < 0)
                return act_unrecorded(a, r, error);
        Agent *agent;
        r = registry_register(a->manager->registry, d, uuid, &agent);
        if (r < 0)
                return bus_error_internal(error, r, "The agent cannot be kept");
        _cleanup_free_ char *path = agent_object_path(agent->name);
        if (!path)
                return -ENOMEM;
        act_reply(a, "o", path);
        return 0;
}

/* Each waits for the disk, and who is no administrator may ask for as many as wait: root's alone does not queue among them. */
static int one_by_one(Act *a, int (*then)(Act *a, sd_bus_error *error), sd_bus_error *error) {
        return a->caller->uid == 0 ? then(a, error) : act_in_turn(a, then);
}

/* In turn, and not for the first time: all who had theirs while the owner was looked up are told of it at once. */
static void register_or_refuse(Act *a, int r, sd_bus_error *error) {
        if (r >= 0)
                r = one_by_one(a, register_it, error);
        if (r >= 0)
                return;
        if (!sd_bus_error_is_set(error))
                (void)bus_error_internal(
                                error, r, "The owner cannot be looked up"); /* returns what it sets */
        act_reply_error(a, error);
}

static void on_owner(uid_t uid, int e, void *userdata) {
        Act *a = userdata;
        Registration *g = a->data;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = e;
        if (e == -ENOENT)
                r = sd_bus_error_setf(&error, MXC_ERROR_INVALID_ARGUMENT, "owner: nobody is called '%s'.",
                                g->document.owner_name);
        g->document.owner = uid;
        register_or_refuse(a, r, &error);
}

/* Each user has room for a first one. Uids that are nobody's (of user namespaces, say) come by the ten thousand, and have none: what root
 * registered there would be started by nobody. */
static void on_user(const User *user, int e, void *userdata) {
        Act *a = userdata;
        const Registration *g = a->data;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = e;
        if (user && !user->is_known)
                r = sd_bus_error_setf(&error, MXC_ERROR_DENIED,
                                "Uid %u is no user of this host and has no agents of its own; an "
                                "administrator can register one for it, by another name than user-UID-….",
                                g->document.owner);
        register_or_refuse(a, r, &error);
}

/* Whose it is says the document, which is read for that before anybody was asked: it is bounded. One that is none is an administrator's affair. */
static int registration_owner(Act *a, uid_t *ret, sd_bus_error *error) {
        const char *text;
        _cleanup_(agent_document_clear) AgentDocument d = { .owner = (uid_t)-1 };
        _cleanup_free_ char *sentence = NULL;
        uid_t uid;
        int r = sd_bus_message_read(a->message, "s", &text);
        if (r < 0)
                return r;
        *ret = (uid_t)-1;
        r = agent_document_parse(text, strlen(text), &d, &sentence);
        if (r == 0 && !d.owner_name && agent_name_is_own(d.name, &uid) &&
                        uid == (d.owner == (uid_t)-1 ? a->caller->uid : d.owner))
                *ret = uid;
        return r == -ENOMEM ? r : 0;
}

/* What an administrator says of a further one stands: its owner, who could make it anew, does not take it away. NULL: there is none, which anybody
 * may be told. */
static bool agent_is_its_owners_to_revoke(const Agent *agent) {
        return !agent || (agent->is_default && agent->state != AGENT_SUSPENDED);
}

static int revocation_owner(Act *a, uid_t *ret, sd_bus_error *error) {
        const char *name;
        int r = sd_bus_message_read(a->message, "s", &name);
        if (r < 0)
                return r;
        if (!agent_name_is_own(name, ret) ||
                        !agent_is_its_owners_to_revoke(registry_peek(a->manager->registry, name)))
                *ret = (uid_t)-1;
        return 0;
}

static int register_agent(Act *a, sd_bus_error *error) {
        const char *text;
        _cleanup_free_ char *sentence = NULL;
        Registration *g = calloc(1, sizeof(Registration));
        if (!g)
                return -ENOMEM;
        a->data = g;
        a->free_data = registration_free;
        int r = sd_bus_message_rewind(a->message, true);
        if (r >= 0)
                r = sd_bus_message_read(a->message, "s", &text);
        if (r >= 0)
                r = agent_document_parse(text, strlen(text), &g->document, &sentence);
        if (r == -EINVAL)
                return bus_error_from_reason(
                                error, REASON_INVALID_ARGUMENT, sentence ? sentence : "That is no agent.");
        if (r < 0)
                return r;
        if (g->document.owner_name)
                return user_cache_find(a->manager->users, g->document.owner_name, on_owner, a);
        if (g->document.owner == (uid_t)-1)
                g->document.owner = a->caller->uid;
        uid_t uid;
        if (agent_name_is_own(g->document.name, &uid))
                return user_cache_get(a->manager->users, g->document.owner, on_user, a);
        return register_it(a, error);
}

static int run_register_agent(Act *a, sd_bus_error *error) {
        return one_by_one(a, register_agent, error);
}

static int revoke_agent(Act *a, sd_bus_error *error) {
        const char *name, *reason;
        int r = sd_bus_message_rewind(a->message, true);
        if (r >= 0)
                r = sd_bus_message_read(a->message, "ss", &name, &reason);
        if (r < 0)
                return r;
        if (a->owner != (uid_t)-1 && a->caller->uid != 0 &&
                        !agent_is_its_owners_to_revoke(registry_peek(a->manager->registry, name))) {
                act_refuse(a, REASON_NOT_AUTHORIZED, "It was suspended meanwhile; ask again.");
                return 0;
        }
        return agent_revoke(a, name, reason, error);
}

static int run_revoke_agent(Act *a, sd_bus_error *error) {
        return one_by_one(a, revoke_agent, error);
}

const ActKind act_register_agent = { MXC_IFACE_MANAGER, "RegisterAgent", registration_owner,
        run_register_agent, NULL, true };
const ActKind act_revoke_agent = { MXC_IFACE_MANAGER, "RevokeAgent", revocation_owner, run_revoke_agent,
        NULL, true };
