/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>

#include "cleanup.h"
#include "registry-internal.h"

/* The further default agents of a user: "user-UID-ANYTHING". */

bool agent_name_is_own(const char *name, uid_t *ret) {
        char user[sizeof("user-") + 20]; /* longer digits are no uid */
        static const char prefix[] = "user-";
        size_t n = strlen(prefix);
        *ret = (uid_t)-1;
        if (strncmp(name, prefix, n) != 0)
                return false;
        size_t digits = strspn(name + n, "0123456789");
        if (digits == 0 || name[n + digits] != '-' || !name[n + digits + 1])
                return false;
        if (n + digits < sizeof(user)) {
                memcpy(user, name, n + digits);
                user[n + digits] = '\0';
                (void)name_is_reserved(user, ret); /* it is; whose, it tells */
        }
        return true;
}

static bool is_further(const Agent *a, uid_t *ret) {
        return a->is_default && agent_name_is_own(a->name, ret);
}

const Agent *registry_against(Registry *r, const Agent *a) {
        char principal[sizeof("user-4294967295")];
        uid_t uid;
        if (a->state != AGENT_ACTIVE || !is_further(a, &uid))
                return a->state == AGENT_ACTIVE ? NULL : a;
        (void)snprintf(principal, sizeof(principal), "user-%u", uid);
        /* not there: nothing was ever said against it; hidden: what was said cannot be read */
        const Entry *p = entries_find(&r->table, principal);
        return p && p->agent.state != AGENT_ACTIVE ? &p->agent : NULL;
}

bool agent_goes_with(const Agent *a, const Agent *p) {
        uid_t uid, whose;
        if (a == p)
                return true;
        return is_further(a, &uid) && name_is_reserved(p->name, &whose) && uid == whose;
}

bool own_gives_way(const Entry *e) {
        return e->kind == AGENT_FURTHER && e->agent.state == AGENT_REVOKED && !entry_is_in_use(e);
}

static int compare_uids(const void *a, const void *b) {
        const uid_t x = *(const uid_t *)a, y = *(const uid_t *)b;
        return (x > y) - (x < y);
}

/* Each one's first is of a room of its own, and counts users. Of the other nobody can take all: the more there is of them, the less is one's share of what is
 * free; however many share in it, they leave whoever comes next a first one. */
static int room_of(const uid_t *uids, size_t all, uid_t uid) {
        size_t users = 0, of_user = 0;
        for (size_t i = 0; i < all; i++) {
                users += i == 0 || uids[i] != uids[i - 1];
                of_user += uids[i] == uid;
        }
        if (of_user == 0)
                return users < LIMIT_AGENTS_FIRST ? 0 : -EUSERS;
        if (of_user >= LIMIT_AGENTS_OF_USER)
                return -EDQUOT;
        const size_t more = all - users, left = more < LIMIT_AGENTS ? LIMIT_AGENTS - more : 0;
        return of_user - 1 < (left + LIMIT_AGENTS_SHARE - 1) / LIMIT_AGENTS_SHARE ? 0 : -EUSERS;
}

int own_room(const Registry *r, uid_t uid) {
        _cleanup_free_ uid_t *uids = calloc(r->table.n + 1, sizeof(uid_t));
        size_t all = 0;
        if (!uids)
                return -ENOMEM;
        for (size_t i = 0; i < r->table.n; i++) {
                const Entry *e = r->table.entries[i];
                if (is_further(&e->agent, &uids[all]) && !own_gives_way(e))
                        all++;
        }
        qsort(uids, all, sizeof(uid_t), compare_uids);
        return room_of(uids, all, uid);
}

int own_forget_revoked(Registry *r) {
        for (size_t i = r->table.n; i > 0; i--) {
                const Entry *e = r->table.entries[i - 1];
                _cleanup_free_ char *file = NULL;
                if (!own_gives_way(e))
                        continue;
                if (asprintf(&file, "%s.json", e->agent.name) < 0) {
                        file = NULL;
                        return -ENOMEM;
                }
                if (unlinkat(r->state, file, 0) < 0 && errno != ENOENT)
                        return -errno;
                entries_drop(&r->table, i - 1);
        }
        return 0;
}
