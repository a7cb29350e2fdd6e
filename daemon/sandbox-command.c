/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commands of a sandbox: whom the end of each is told, and what becomes of one where that has gone. */

#include <sys/inotify.h>

#include "cleanup.h"
#include "log.h"
#include "sandbox.h"

static void detach(Command *c) {
        c->bus = sd_bus_unref(c->bus);
        free(c->sender);
        c->sender = NULL;
}

int command_attach(Sandbox *s, Command *c, sd_bus *bus, const char *sender, bool tied) {
        /* gone already: neither the door nor the bus will tell of it again */
        if (sender ? !caller_cache_knows(s->manager->callers, sender) : sd_bus_is_open(bus) <= 0)
                return -ENOTCONN;
        _cleanup_free_ char *copy = sender ? strdup(sender) : NULL;
        if (sender && !copy)
                return -ENOMEM;
        detach(c);
        c->bus = sd_bus_ref(bus);
        c->sender = TAKE_PTR(copy);
        c->tied = tied;
        return 0;
}

int command_new(Sandbox *s, uint32_t number, sd_bus *bus, const char *sender, bool tied, Command **ret) {
        Command *c = calloc(1, sizeof(Command));
        if (!c)
                return -ENOMEM;
        c->sandbox = s;
        c->number = number;
        c->started = now_boottime();
        int r = bus ? command_attach(s, c, bus, sender, tied) : 0;
        if (r < 0) {
                free(c);
                return r;
        }
        c->tied = tied;
        LIST_INSERT_HEAD(&s->commands, c, entries);
        s->n_commands++;
        if (number > s->last_command)
                s->last_command = number;
        if (ret)
                *ret = c;
        return 0;
}

Command *command_find(Sandbox *s, uint32_t number) {
        Command *c;
        LIST_FOREACH(c, &s->commands, entries)
                if (c->number == number)
                        return c;
        return NULL;
}

void command_free(Sandbox *s, Command *c) {
        detach(c);
        sd_event_source_disable_unref(c->watch);
        LIST_REMOVE(c, entries);
        s->n_commands--;
        free(c);
}

/* ---- nobody tells any more ---- */

/* What it has left is in its group as well: with that it ends. */
static int on_group(sd_event_source *source, const struct inotify_event *event, void *userdata) {
        Command *c = userdata;
        if (sandbox_exec_is_in_its_group(c->sandbox, c->number))
                return 0;
        c->lost = !c->killed;
        sandbox_exited(c->sandbox, c->number, 0, SIGKILL);
        return 0;
}

static int on_group_gone(sd_event_source *source, void *userdata) {
        return on_group(source, NULL, userdata);
}

void command_look_again(Sandbox *s, Command *c) {
        if (!c->watch || c->ended || sandbox_exec_is_in_its_group(s, c->number))
                return;
        sd_event_source *look;
        int r = sd_event_add_defer(s->manager->event, &look, on_group_gone, c);
        if (r < 0) {
                log_error("The end of command %u of sandbox %s may not be seen: %s", c->number, s->id,
                                strerror(-r));
                return;
        }
        sd_event_source_disable_unref(c->watch);
        c->watch = look;
}

static void watch_group(Sandbox *s, Command *c) {
        _cleanup_free_ char *path = NULL;
        int r = asprintf(&path, "%s%s/" LAUNCH_EXEC_GROUP "%u/cgroup.events", s->manager->cgroup_path,
                        s->leaf, c->number);
        r = r < 0 ? -ENOMEM
                  : sd_event_add_inotify(s->manager->event, &c->watch, path, IN_MODIFY, on_group, c);
        if (r < 0 && r != -ENOENT)
                log_error("The end of command %u of sandbox %s cannot be seen: %s", c->number, s->id,
                                strerror(-r));
        if (r == -ENOENT || r >= 0)
                (void)on_group(NULL, NULL, c); /* it may have been empty by then */
}

void sandbox_watch_untold(Sandbox *s) {
        if (s->state == SANDBOX_EXITED)
                return;
        for (Command *c = LIST_FIRST(&s->commands), *next; c; c = next) {
                next = LIST_NEXT(c, entries);
                if (c->number > 0 && !c->told && !c->ended && !c->watch)
                        watch_group(s, c);
        }
}

/* ---- nobody to tell any more ---- */

static void end_tied(Sandbox *s, Command *c) {
        if (s->state == SANDBOX_EXITED || c->ended)
                return;
        const AuditSubject subject = sandbox_subject(s, NULL);
        if (audit_stop(s->manager->audit, &subject, "tie") < 0)
                log_error("Who waited for sandbox %s is gone, and no record can be made; it ends all the "
                          "same.",
                                s->id);
        if (c->number == 0) {
                s->reason = END_STOPPED;
                (void)sandbox_kill_all(s); /* logs itself */
                return;
        }
        (void)sandbox_kill_exec(s, c); /* logs itself */
}

static void lose_receiver(Sandbox *s, Command *c) {
        bool tied = c->tied;
        detach(c);
        if (tied)
                end_tied(s, c);
}

static void on_sender_gone(Sandbox *s, void *sender) {
        Command *c;
        LIST_FOREACH(c, &s->commands, entries)
                if (c->sender && streq(c->sender, sender))
                        lose_receiver(s, c);
}

void sandbox_sender_gone(Manager *m, const char *sender) {
        sandbox_for_each(m, on_sender_gone, (void *)sender);
}

static void on_connection_gone(Sandbox *s, void *bus) {
        Command *c;
        LIST_FOREACH(c, &s->commands, entries)
                if (c->bus == bus)
                        lose_receiver(s, c);
}

void sandbox_connection_gone(Manager *m, sd_bus *bus) {
        sandbox_for_each(m, on_connection_gone, bus);
}

static void end_untied(Sandbox *s, void *userdata) {
        Command *c;
        LIST_FOREACH(c, &s->commands, entries)
                if (s->adopted && c->tied && !c->bus)
                        end_tied(s, c);
        sandbox_settle(s);
}

void sandbox_end_untied(Manager *m) {
        sandbox_for_each(m, end_untied, NULL);
}
