/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit-who.h"

#include <stdio.h>
#include <stdlib.h>

const char *or_else(const char *s, const char *other) {
        return s && *s ? s : other;
}

void who_clear(Who *w) {
        free(w->text);
}

Who who_of(const AuditSubject *s) {
        Who w = { 0 };
        int n;
        if (s->on_behalf_user && *s->on_behalf_user)
                n = asprintf(&w.text, "agent %s (for %s)", or_else(s->agent, "?"), s->on_behalf_user);
        else if (s->on_behalf_uid != AUDIT_NO_UID)
                n = asprintf(&w.text, "agent %s (for uid %u)", or_else(s->agent, "?"), s->on_behalf_uid);
        else
                n = asprintf(&w.text, "agent %s", or_else(s->agent, "?"));
        if (n < 0)
                w.text = NULL;
        return w;
}

const char *who_text(const Who *w) {
        return w->text ? w->text : "an agent";
}
