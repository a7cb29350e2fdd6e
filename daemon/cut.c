/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cut.h"

#include <jansson.h>

#include "cleanup.h"

#define KEPT (LIMIT_CUT + 1U) /* one more shows what is left */
#define MORE_BYTES 64U        /* that the row which counts may take */

typedef struct Losses {
        Widening *list; /* of KEPT */
        size_t n;       /* there are, which may be more */
        const char *by;
} Losses;

static void losses_clear(Losses *l) {
        for (size_t i = 0; l->list && i < KEPT; i++)
                widening_clear(&l->list[i]);
        free(l->list);
        *l = (Losses){ 0 };
}

static int losses_find(Losses *l, const Policy *requested, const Policy *bound, const char *by) {
        l->by = by;
        if (!bound)
                return 0;
        l->list = calloc(KEPT, sizeof(Widening));
        return l->list ? policy_beyond(requested, bound, l->list, KEPT, &l->n) : -ENOMEM;
}

/* The rows so far, and their size as text. */
typedef struct Rows {
        json_t *all;
        size_t bytes;
        bool named_left; /* something that is named is only counted */
} Rows;

static int add_row(Rows *rows, const Widening *w, const char *by) {
        json_auto_t *row = json_pack("[s, s, s, s]", w->clause, w->asked, w->held, by);
        _cleanup_free_ char *text = row ? json_dumps(row, JSON_COMPACT) : NULL;
        if (!text)
                return -ENOMEM;
        const size_t n = strlen(text) + 1;
        if (json_array_size(rows->all) >= LIMIT_CUT || rows->bytes + n + MORE_BYTES > LIMIT_CUT_BYTES) {
                rows->named_left |= !w->below; /* counted */
                return 0;
        }
        rows->bytes += n;
        return json_array_append(rows->all, row) < 0 ? -ENOMEM : 0;
}

static int add_losses(Rows *rows, const Losses *l, bool below) {
        int r = 0;
        for (size_t i = 0; i < l->n && i < KEPT && r == 0; i++)
                if (l->list[i].below == below)
                        r = add_row(rows, &l->list[i], l->by);
        return r;
}

static int add_count(Rows *rows, size_t n) {
        char text[MORE_BYTES / 2];
        if (n == 0)
                return 0;
        (void)snprintf(text, sizeof(text), "%zu more", n);
        return json_array_append_new(rows->all,
                               json_pack("[s, s, s, s]", "", text, rows->named_left ? "" : "below", "")) < 0
                               ? -ENOMEM
                               : 0;
}

static int rows_make(const Losses *agent, const Losses *ceiling, char **ret) {
        json_auto_t *all = json_array();
        Rows rows = { .all = all };
        int r = all ? 0 : -ENOMEM;
        for (int below = 0; below < 2 && r == 0; below++) {
                r = add_losses(&rows, agent, below);
                if (r == 0)
                        r = add_losses(&rows, ceiling, below);
        }
        if (r == 0)
                r = add_count(&rows, agent->n + ceiling->n - json_array_size(all));
        if (r < 0)
                return r;
        *ret = json_dumps(all, JSON_COMPACT);
        return *ret ? 0 : -ENOMEM;
}

int cut_find(const Policy *requested, const Policy *agent, const Policy *ceiling, char **ret) {
        Losses by_agent = { 0 }, by_ceiling = { 0 };
        int r = losses_find(&by_agent, requested, agent, "agent");
        if (r == 0)
                r = losses_find(&by_ceiling, requested, ceiling, "ceiling");
        if (r == 0 && by_agent.n + by_ceiling.n > 0)
                r = rows_make(&by_agent, &by_ceiling, ret);
        losses_clear(&by_agent);
        losses_clear(&by_ceiling);
        return r;
}
