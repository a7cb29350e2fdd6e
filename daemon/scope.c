/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scope.h"
#include "cleanup.h"
#include "log.h"
#include "names.h"
#include "own-slice.h"
#include "sandbox.h"
#include "unit-bounds.h"

#define TRIES_MAX 40U /* while PID 1 has not yet forgotten the last scope of that name */
#define TRY_AGAIN_USEC (UINT64_C(50) * 1000)

typedef struct ScopeWaiter {
        TAILQ_ENTRY(ScopeWaiter) entries;
        ScopeReady done;
        void *userdata;
} ScopeWaiter;

/* ---- the object ---- */

static void scope_free(Scope *s) {
        if (s->agent && s->agent->scope == s)
                s->agent->scope = NULL;
        LIST_REMOVE(s, entries);
        if (s->own)
                own_slice_release(s->own);
        sd_bus_slot_unref(s->call);
        sd_bus_slot_unref(s->bounds_call);
        sd_event_source_disable_unref(s->deadline);
        sd_event_source_disable_unref(s->idle);
        sd_event_source_disable_unref(s->again);
        free(s->unit);
        free(s->slice);
        free(s->path);
        free(s->job);
        free(s);
}

static void stop_waiting(Scope *s) {
        s->deadline = sd_event_source_disable_unref(s->deadline);
        s->again = sd_event_source_disable_unref(s->again);
        s->call = sd_bus_slot_unref(s->call);
        s->job = (free(s->job), NULL);
        s->tries = 0;
}

static void answer(Scope *s, int error, const char *sentence) {
        s->n_users++; /* nobody frees it under the loop */
        while (!TAILQ_EMPTY(&s->waiters)) {
                ScopeWaiter *w = TAILQ_FIRST(&s->waiters);
                TAILQ_REMOVE(&s->waiters, w, entries);
                w->done(s, error, sentence, w->userdata);
                free(w);
        }
        scope_release(s);
}

static void fail(Scope *s, int error, const char *sentence) {
        log_warning("%s cannot be started: %s (%s)", s->unit, sentence, strerror(-error));
        stop_waiting(s);
        s->state = SCOPE_NEW;
        answer(s, error, sentence);
}

/* The first slice of the owner that has room: PID 1's work per scope grows with its siblings. */
static unsigned choose_slice(const Manager *m, uid_t owner) {
        for (unsigned number = 1;; number++) {
                size_t n = 0;
                Scope *s;
                LIST_FOREACH(s, &m->scopes, entries)
                        n += s->agent->owner == owner && !s->own && s->slice_number == number;
                if (n < LIMIT_SCOPES_PER_SLICE)
                        return number;
        }
}

static int name_it(Scope *s) {
        unsigned owner = s->agent->owner, n = s->slice_number;
        bool is_below = s->own || n > 1;
        if (asprintf(&s->unit, "mxc-%s.scope", s->agent->name) < 0)
                return -ENOMEM;
        int r = s->own   ? asprintf(&s->slice, "%s", s->own->unit)
                : n == 1 ? asprintf(&s->slice, "mxc-u%u.slice", owner)
                         : asprintf(&s->slice, "mxc-u%u-%u.slice", owner, n);
        if (r < 0)
                return -ENOMEM;
        /* a slice's dashes are its place in the tree: systemd.slice(5) */
        r = is_below ? asprintf(&s->path, "/" MXC_SLICE "/mxc-u%u.slice/%s/%s", owner, s->slice, s->unit)
                     : asprintf(&s->path, "/" MXC_SLICE "/%s/%s", s->slice, s->unit);
        return r < 0 ? -ENOMEM : 0;
}

static int scope_new(Manager *m, Agent *a, Scope **ret) {
        Scope *s = calloc(1, sizeof(Scope));
        if (!s)
                return -ENOMEM;
        int r = a->is_default ? own_slice_hold(m, a->owner, &s->own) : 0;
        if (r < 0) {
                free(s);
                return r;
        }
        s->manager = m;
        s->agent = a;
        s->slice_number = s->own ? 0 : choose_slice(m, a->owner);
        TAILQ_INIT(&s->waiters);
        LIST_INSERT_HEAD(&m->scopes, s, entries);
        a->scope = s;
        *ret = s;
        return 0;
}

/* A misplaced one goes when it would have gone: who asks in vain for something in there, again and again, does not keep it. */
static void hold(Scope *s) {
        s->n_users++;
        if (!s->misplaced)
                s->idle = sd_event_source_disable_unref(s->idle);
}

int scope_hold(Manager *m, Agent *a, Scope **ret) {
        Scope *s = a->scope;
        if (!s) {
                int r = scope_new(m, a, &s);
                if (r < 0)
                        return r;
                r = name_it(s);
                if (r < 0) {
                        scope_free(s);
                        return r;
                }
        }
        hold(s);
        *ret = s;
        return 0;
}

/* "/mxc.slice/…/SLICE/UNIT" */
static int name_as_found(Scope *s, const char *path) {
        const char *unit = strrchr(path, '/'), *slice = unit;
        while (slice > path && slice[-1] != '/')
                slice--;
        if (!unit || slice == unit)
                return -EBADMSG;
        s->path = strdup(path);
        s->unit = strdup(unit + 1);
        s->slice = strndup(slice, (size_t)(unit - slice));
        return s->path && s->unit && s->slice ? 0 : -ENOMEM;
}

int scope_adopt(Manager *m, Agent *a, const char *path, Scope **ret) {
        Scope *s = a->scope;
        if (!s) {
                int r = scope_new(m, a, &s);
                if (r < 0)
                        return r;
                r = name_as_found(s, path);
                if (r < 0) {
                        scope_free(s);
                        return r;
                }
                s->state = SCOPE_READY;
                s->misplaced = s->own && !streq(s->slice, s->own->unit);
        }
        hold(s);
        *ret = s;
        return 0;
}

static void bring_up(Scope *s);

/* ---- down ---- */

static void on_dropped(const LaunchReport *report, int *fds, size_t n_fds, void *userdata) {
        Scope *s = userdata;
        if (s->state != SCOPE_DROPPING) {
                scope_release(s); /* the hold of the call */
                return;
        }
        s->state = SCOPE_NEW;
        if (!TAILQ_EMPTY(&s->waiters)) /* somebody came meanwhile */
                bring_up(s);
        scope_release(s);
}

static int on_idle(sd_event_source *source, uint64_t usec, void *userdata) {
        Scope *s = userdata;
        s->idle = sd_event_source_disable_unref(s->idle);
        if (s->n_users > 0)
                return 0; /* who goes last makes another */
        if (s->state != SCOPE_READY) {
                scope_free(s);
                return 0;
        }
        LaunchRequest q = { .verb = LAUNCH_DROP };
        (void)snprintf(q.path, sizeof(q.path), "%s", s->path);
        s->n_users++;
        s->state = SCOPE_DROPPING;
        if (launch_channel_call(s->manager->launch, &q, NULL, 0, on_dropped, s) < 0) {
                s->state = SCOPE_READY; /* the launcher is away: later */
                scope_release(s);
        }
        return 0;
}

void scope_release(Scope *s) {
        if (--s->n_users > 0)
                return;
        if (s->state == SCOPE_READY && !s->idle) {
                int r = sd_event_add_time_relative(s->manager->event, &s->idle, CLOCK_MONOTONIC,
                                s->misplaced ? SCOPE_MISPLACED_USEC : SCOPE_IDLE_USEC, 0, on_idle, s);
                if (r < 0 && r != -ESTALE) /* mxcd ends, and its scopes stay */
                        log_warning("%s stays for lack of a timer: %s", s->unit, strerror(-r));
        } else if (TAILQ_EMPTY(&s->waiters) && s->state == SCOPE_NEW) {
                scope_free(s); /* one that is on its way down is freed at its end */
        }
}

void scope_forget(Scope *s) {
        if (s->state == SCOPE_READY)
                s->state = SCOPE_NEW;
}

/* ---- up ---- */

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        fail(userdata, -ETIMEDOUT, "systemd did not start the agent's scope in time");
        return 0;
}

static void anchor_it(Scope *s);

static int on_again(sd_event_source *source, uint64_t usec, void *userdata) {
        Scope *s = userdata;
        s->again = sd_event_source_disable_unref(s->again);
        anchor_it(s);
        return 0;
}

static void try_again(Scope *s, int error, const char *sentence) {
        s->call = sd_bus_slot_unref(s->call);
        s->job = (free(s->job), NULL);
        if (++s->tries > TRIES_MAX) {
                fail(s, error, sentence);
                return;
        }
        s->state = SCOPE_ANCHORING;
        s->again = sd_event_source_disable_unref(s->again);
        int r = sd_event_add_time_relative(
                        s->manager->event, &s->again, CLOCK_MONOTONIC, TRY_AGAIN_USEC, 1, on_again, s);
        if (r < 0)
                fail(s, r, sentence);
}

static void on_settled(const LaunchReport *report, int *fds, size_t n_fds, void *userdata) {
        Scope *s = userdata;
        if (s->state == SCOPE_SETTLING && report->event == LAUNCH_EVENT_OK) {
                stop_waiting(s);
                s->state = SCOPE_READY;
                scope_follow(s, s->held_to[0] ? "policy-load" : "adopt"); /* it may have changed meanwhile */
                if (!s->own || own_slice_is_bound(s->own))
                        answer(s, 0, NULL);
                else
                        own_slice_bind(s->own, "policy-load");
        } else if (s->state == SCOPE_SETTLING && report->error == ENOTCONN) {
                fail(s, -ENOTCONN, report->detail);
        } else if (s->state == SCOPE_SETTLING) {
                try_again(s, -report->error, "the agent's scope could not be set up");
        }
        scope_release(s);
}

static void settle(Scope *s) {
        LaunchRequest q = { .verb = LAUNCH_SCOPE, .pid = s->anchor };
        (void)snprintf(q.path, sizeof(q.path), "%s", s->path);
        s->state = SCOPE_SETTLING;
        s->n_users++;
        int r = launch_channel_call(s->manager->launch, &q, NULL, 0, on_settled, s);
        if (r < 0) {
                fail(s, r, "mxc-launch is not there");
                scope_release(s);
        }
}

static int on_started(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Scope *s = userdata;
        s->call = sd_bus_slot_unref(s->call);
        const sd_bus_error *e = sd_bus_message_get_error(m);
        if (s->state != SCOPE_STARTING)
                return 0;
        if (e && streq(e->name, "org.freedesktop.systemd1.UnitExists")) {
                s->held_to[0] = 0;
                settle(s); /* left by an earlier mxcd, or about to go: the launcher will find out */
                return 0;
        }
        if (e) { /* a child that died before PID 1 came to it counts as well */
                try_again(s, -EIO, e->message ? e->message : e->name);
                return 0;
        }
        const char *job;
        int r = sd_bus_message_read(m, "o", &job);
        if (r < 0 || !(s->job = strdup(job)))
                fail(s, r < 0 ? r : -ENOMEM, "systemd's answer cannot be read");
        return 0;
}

static int fill_unit(Scope *s, sd_bus_message *m) {
        int r = sd_bus_message_append(m, "ss", s->unit, "fail");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(sv)");
        if (r >= 0)
                r = sd_bus_message_append(m, "(sv)(sv)(sv)(sv)(sv)(sv)(sv)", "PIDs", "au", 1,
                                (uint32_t)s->anchor, "Slice", "s", s->slice, "Delegate", "b", 1, "User", "s",
                                MXC_SCOPE_USER, "CollectMode", "s", "inactive-or-failed", "TimeoutStopUSec",
                                "t", SCOPE_STOP_USEC, "KillMode", "s", "control-group");
        if (r >= 0) {
                _cleanup_free_ char *description = NULL;
                if (asprintf(&description, "AI agent %s of uid %u", s->agent->name, s->agent->owner) < 0)
                        return -ENOMEM;
                r = sd_bus_message_append(m, "(sv)", "Description", "s", description);
        }
        if (r >= 0)
                r = scope_bounds_append(s, m);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r >= 0 ? sd_bus_message_append(m, "a(sa(sv))", 0) : r;
}

/* With User= set on a delegated unit: without it CVE-2026-40223 lets any caller hang PID 1. */
static void start_unit(Scope *s) {
        sd_bus_message *m = NULL;
        s->state = SCOPE_STARTING;
        int r = sd_bus_message_new_method_call(s->manager->bus, &m, SYSTEMD, "StartTransientUnit");
        if (r >= 0)
                r = fill_unit(s, m);
        if (r >= 0)
                r = sd_bus_call_async(s->manager->bus, &s->call, m, on_started, s, SCOPE_START_USEC);
        sd_bus_message_unref(m);
        if (r < 0)
                fail(s, r, "systemd cannot be asked");
}

static void on_anchor(const LaunchReport *report, int *fds, size_t n_fds, void *userdata) {
        Scope *s = userdata;
        if (s->state == SCOPE_ANCHORING && report->event == LAUNCH_EVENT_OK) {
                s->anchor = report->pid;
                start_unit(s);
        } else if (s->state == SCOPE_ANCHORING) {
                fail(s, -report->error,
                                report->detail[0] ? report->detail : "no process to found the scope with");
        }
        scope_release(s);
}

static void anchor_it(Scope *s) {
        const LaunchRequest q = { .verb = LAUNCH_ANCHOR };
        s->state = SCOPE_ANCHORING;
        s->n_users++;
        int r = launch_channel_call(s->manager->launch, &q, NULL, 0, on_anchor, s);
        if (r < 0) {
                fail(s, r, "mxc-launch is not there");
                scope_release(s);
        }
}

static void bring_up(Scope *s) {
        int r = sd_event_add_time_relative(s->manager->event, &s->deadline, CLOCK_MONOTONIC,
                        SCOPE_START_USEC, 0, on_deadline, s);
        if (r < 0) {
                fail(s, r, "no timer for the start of the agent's scope");
        } else if (s->own) {
                s->state = SCOPE_BOUNDING;
                own_slice_bind(s->own, "spawn");
        } else {
                anchor_it(s);
        }
}

void scope_slice_told(Scope *s, int error, const char *sentence) {
        if (s->state == SCOPE_BOUNDING && error < 0)
                fail(s, error, sentence);
        else if (s->state == SCOPE_BOUNDING)
                anchor_it(s);
        else if (s->state == SCOPE_READY &&
                        !TAILQ_EMPTY(&s->waiters)) /* who holds it; one that idles goes on to */
                answer(s, error, sentence);
}

int scope_when_ready(Scope *s, ScopeReady done, void *userdata) {
        if (s->misplaced) {
                done(s, -EBUSY,
                                "sandboxes of an earlier mxcd run outside the user's own slice; end them "
                                "first",
                                userdata);
                return 0;
        }
        const bool is_bounded = !s->own || own_slice_is_bound(s->own);
        if (s->state == SCOPE_READY && is_bounded) {
                done(s, 0, NULL, userdata);
                return 0;
        }
        ScopeWaiter *w = calloc(1, sizeof(ScopeWaiter));
        if (!w)
                return -ENOMEM;
        *w = (ScopeWaiter){ .done = done, .userdata = userdata };
        TAILQ_INSERT_TAIL(&s->waiters, w, entries);
        if (s->state == SCOPE_NEW && !s->deadline)
                bring_up(s);
        else if (s->state == SCOPE_READY)
                own_slice_bind(s->own, "policy-load");
        return 0;
}

/* ---- PID 1's jobs ---- */

static Scope *find_unit(Manager *m, const char *unit) {
        Scope *s;
        LIST_FOREACH(s, &m->scopes, entries)
                if (streq(s->unit, unit))
                        return s;
        return NULL;
}

typedef struct Asked {
        ScopeStopping done;
        void *userdata;
} Asked;

static int on_asked(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Asked *a = userdata;
        const char *state = "";
        if (!sd_bus_message_is_method_error(m, NULL) && sd_bus_message_read(m, "v", "s", &state) < 0)
                state = "";
        bool stopping = streq(state, "deactivating") || streq(state, "inactive") || streq(state, "failed");
        a->done(stopping, a->userdata);
        return 0;
}

int scope_ask_stopping(Scope *s, ScopeStopping done, void *userdata, sd_bus_slot **ret) {
        _cleanup_free_ char *path = NULL;
        Asked *a = malloc(sizeof(Asked));
        if (!a)
                return -ENOMEM;
        *a = (Asked){ .done = done, .userdata = userdata };
        int r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", s->unit, &path);
        if (r >= 0)
                r = sd_bus_call_method_async(s->manager->bus, ret, "org.freedesktop.systemd1", path,
                                "org.freedesktop.DBus.Properties", "Get", on_asked, a, "ss",
                                "org.freedesktop.systemd1.Unit", "ActiveState");
        if (r < 0) {
                free(a);
                return r;
        }
        return sd_bus_slot_set_destroy_callback(*ret, free);
}

/* A scope is started once: a later job for it is its end, asked for by somebody else than us. */
static int on_job_new(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        uint32_t id;
        const char *job, *unit;
        if (sd_bus_message_read(m, "uos", &id, &job, &unit) < 0 || strncmp(unit, "mxc-", 4) != 0)
                return 0;
        Scope *s = find_unit(userdata, unit);
        if (!s || s->state != SCOPE_READY)
                return 0;
        s->state = SCOPE_STOPPED;
        sandbox_scope_stops(s->manager, s);
        return 0;
}

static void has_stopped(Scope *s) {
        s->state = SCOPE_NEW;
        s->n_users++;
        if (!TAILQ_EMPTY(&s->waiters))
                bring_up(s);
        scope_release(s);
}

static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        uint32_t id;
        const char *job, *unit, *result;
        if (sd_bus_message_read(m, "uoss", &id, &job, &unit, &result) < 0 || strncmp(unit, "mxc-", 4) != 0)
                return 0;
        Scope *s = find_unit(userdata, unit);
        if (s && s->state == SCOPE_STOPPED)
                has_stopped(s);
        if (!s || s->state != SCOPE_STARTING || !s->job || !streq(s->job, job))
                return 0;
        if (streq(result, "done"))
                settle(s);
        else
                try_again(s, -EIO, "systemd could not start the agent's scope");
        return 0;
}

int scope_watch_jobs(Manager *m) {
        int r = sd_bus_match_signal_async(m->bus, NULL, SYSTEMD, "JobNew", on_job_new, NULL, m);
        if (r >= 0)
                r = sd_bus_match_signal_async(m->bus, NULL, SYSTEMD, "JobRemoved", on_job_removed, NULL, m);
        if (r >= 0)
                r = sd_bus_call_method_async(m->bus, NULL, SYSTEMD, "Subscribe", NULL, NULL, NULL);
        if (r >= 0)
                r = scope_bounds_begin(m);
        return r < 0 ? r : 0;
}

void scope_free_all(Manager *m) {
        while (!LIST_EMPTY(&m->scopes))
                scope_free(LIST_FIRST(&m->scopes));
}
