/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "admit.h"

#include "cleanup.h"

static DecisionReason reason_against(const Agent *agent) {
        switch (agent->state) {
        case AGENT_SUSPENDED:
                return REASON_AGENT_SUSPENDED;
        case AGENT_REVOKED:
                return REASON_AGENT_REVOKED;
        case AGENT_ACTIVE:
        case _AGENT_STATE_MAX:
                break;
        }
        return REASON_ALLOWED;
}

static bool has_room(Manager *m, uid_t owner) {
        const Usage *u = manager_usage(m, owner);
        bool room = u && u->n_sandboxes < LIMIT_SANDBOXES_PER_UID && m->n_sandboxes < LIMIT_SANDBOXES;
        manager_usage_settle(m, owner);
        return room;
}

bool admit(Act *a, const Agent *agent) {
        const Agent *who = registry_against(a->manager->registry, agent);
        if (who) {
                _cleanup_free_ char *sentence = NULL;
                if (asprintf(&sentence, "Agent %s is %s%s%s.", who->name, agent_state_to_string(who->state),
                                    who->reason[0] ? ": " : "", who->reason) < 0)
                        sentence = NULL;
                act_refuse(a, reason_against(who), sentence ? sentence : "The agent may start nothing.");
                return false;
        }
        if (agent->owner != a->owner) {
                act_refuse(a, REASON_NOT_AUTHORIZED, "The agent has another owner now; ask again.");
                return false;
        }
        if (has_room(a->manager, agent->owner))
                return true;
        act_refuse(a, REASON_LIMIT,
                        "There are as many sandboxes as one user, or this host, may have; end some.");
        return false;
}
