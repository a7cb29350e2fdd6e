/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "adopt.h"
#include "bus.h"
#include "cgroup-path.h"
#include "cleanup.h"
#include "door.h"
#include "fd-pass.h"
#include "live.h"
#include "log.h"
#include "names.h"
#include "porter-link.h"
#include "release.h"
#include "runtime.h"
#include "sandbox.h"
#include "scope.h"

#define SYSTEM_BUS_SOCKET "/run/dbus/system_bus_socket" /* dbus.socket */
#define AUDIT_AGAIN_USEC (UINT64_C(250) * 1000)
#define RELOAD_USEC (UINT64_C(100) * 1000)
#define ATTACH_USEC (UINT64_C(10) * 1000000)

DEFINE_CLEANUP(Manager *, manager_free);

/* ---- usage ---- */

Usage *manager_usage(Manager *m, uid_t uid) {
        Usage *u;
        LIST_FOREACH(u, &m->usage, entries)
                if (u->uid == uid)
                        return u;
        u = calloc(1, sizeof(Usage));
        if (!u)
                return NULL;
        u->uid = uid;
        LIST_INSERT_HEAD(&m->usage, u, entries);
        return u;
}

void manager_usage_settle(Manager *m, uid_t uid) {
        Usage *u;
        LIST_FOREACH(u, &m->usage, entries)
                if (u->uid == uid && u->n_pending == 0 && u->n_sandboxes == 0) {
                        LIST_REMOVE(u, entries);
                        free(u);
                        return;
                }
}

/* ---- agents and policies ---- */

typedef struct Loading {
        Manager *manager;
        ManagerLoaded done;
        void *userdata;
} Loading;

static void on_policy(const PolicyChange *change, void *userdata) {
        const Loading *l = userdata;
        if (change->changed && audit_policy_load(l->manager->audit, change->file, change->name,
                                               change->digest, change->error) < 0)
                log_error("A change of policies is not on record: %s", change->file);
        if (change->error && change->changed)
                log_warning("%s", change->error);
        if (l->done && (change->digest || change->error))
                l->done(change->file, change->error, l->userdata);
}

/* A file makes an agent known, or says something else of it, or is refused, or went. */
static void record_agent(Manager *m, const AgentChange *change) {
        const Agent *agent = change->agent;
        const Policy *policy = agent ? policy_store_find(m->policies, agent->policy) : NULL;
        const AuditSubject s = {
                .agent = agent                               ? agent->name
                         : streq(change->name, change->file) ? NULL
                                                             : change->name,
                .agent_uuid = agent ? agent->uuid : NULL,
                .on_behalf_uid = agent ? agent->owner : AUDIT_NO_UID,
                .policy = agent ? agent->policy : NULL,
                .digest = policy ? policy->digest : NULL,
        };
        const AuditEvent event = change->gone           ? AUDIT_REVOKE
                                 : change->other_policy ? AUDIT_SET_POLICY
                                                        : AUDIT_REGISTER;
        if (change->gone && !agent) /* it was nobody's, and was refused */
                return;
        if (audit_agent_file(m->audit, &s, event, change->file, change->error) < 0)
                log_error("A change of agents is not on record: %s", change->file);
}

static void on_agent(const AgentChange *change, void *userdata) {
        const Loading *l = userdata;
        if (change->changed)
                record_agent(l->manager, change);
        if (change->error && change->changed)
                log_warning("%s", change->error);
        if (l->done && !change->gone)
                l->done(change->file, change->error, l->userdata);
}

int manager_load(Manager *m, ManagerLoaded done, void *userdata) {
        Loading l = { m, done, userdata };
        plan_cache_flush(m->plans); /* the list of names may be another */
        int r = policy_store_load(m->policies, on_policy, &l);
        if (r < 0) {
                log_error("No policies can be had: %s. Is there a ceiling.json and a handoff.json?",
                                strerror(-r));
                return r;
        }
        r = registry_load(m->registry, on_agent, &l);
        if (r < 0)
                log_error("No agents can be had: %s", strerror(-r));
        live_update_all(m, "policy-load", NULL);
        scope_follow_all(m, "policy-load");
        return r;
}

static void reload_in(Manager *m, uint64_t usec);

static int on_reload(sd_event_source *source, uint64_t usec, void *userdata) {
        Manager *m = userdata;
        m->reload = sd_event_source_disable_unref(m->reload);
        manager_reload(m);
        return 0;
}

static void reload_in(Manager *m, uint64_t usec) {
        if (m->reload)
                return;
        int r = sd_event_add_time_relative(m->event, &m->reload, CLOCK_MONOTONIC, usec, 0, on_reload, m);
        if (r < 0) {
                m->reload = NULL;
                log_error("Changed files stay unread until the next reload: %s", strerror(-r));
        }
}

void manager_reload(Manager *m) {
        if (audit_check(m->audit) < 0)
                reload_in(m, AUDIT_AGAIN_USEC);
        else
                (void)manager_load(m, NULL, NULL); /* logs itself; the last good ones stay */
}

/* Changes come in swarms: an editor's, a package's. They are read when the swarm has had time to pass. */
static int on_files(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Manager *m = userdata;
        bool changed = policy_store_drain(m->policies);
        changed |= registry_drain(m->registry);
        if (changed)
                reload_in(m, RELOAD_USEC);
        return 0;
}

static int watch_files(Manager *m) {
        int r = sd_event_add_io(m->event, NULL, policy_store_watch_fd(m->policies), EPOLLIN, on_files, m);
        return r < 0 ? r
                     : sd_event_add_io(m->event, NULL, registry_watch_fd(m->registry), EPOLLIN, on_files, m);
}

/* ---- the launcher ---- */

static void launcher_gone(Sandbox *s, void *userdata) {
        sandbox_launcher_gone(s);
}

static void watch_untold(Sandbox *s, void *userdata) {
        sandbox_watch_untold(s);
}

static void adopt_live(Sandbox *s, void *userdata) {
        live_adopt(s);
}

static int on_attach_end(sd_event_source *source, uint64_t usec, void *userdata) {
        Manager *m = userdata;
        m->attach_end = sd_event_source_disable_unref(m->attach_end);
        sandbox_end_untied(m);
        return 0;
}

static void on_launcher_up(const LaunchFeatures *features, void *userdata) {
        Manager *m = userdata;
        m->host.features = *features;
        plan_cache_flush(m->plans);
        if (m->found)
                m->attach_until = now_boottime() + ATTACH_USEC;
        adopt_reconcile(m, m->found);
        release_resume(m);
        sandbox_for_each(m, watch_untold, NULL);
        if (m->found) {
                m->found = adopt_free(m->found);
                runtime_sweep();
                sandbox_for_each(m, adopt_live, NULL);
                scope_follow_all(m, "adopt");
                if (sd_event_add_time(m->event, &m->attach_end, CLOCK_BOOTTIME, m->attach_until + 1, 0,
                                    on_attach_end, m) < 0)
                        sandbox_end_untied(m); /* nobody would be waited for: so nobody is */
        }
        if (m->ready)
                m->ready(m);
        m->ready = NULL;
}

static void on_launcher_down(void *userdata) {
        sandbox_for_each(userdata, launcher_gone, NULL);
}

static void on_adopt(const LaunchReport *report, int *fds, size_t n_fds, void *userdata) {
        Manager *m = userdata;
        adopt_report(m, m->found, report, fds, n_fds);
}

static void on_exited(const LaunchReport *report, void *userdata) {
        Manager *m = userdata;
        Sandbox *s = sandbox_find(m, report->id);
        if (s && command_find(s, report->exec)) {
                sandbox_exited(s, report->exec, report->code, report->signal);
                return;
        }
        if (!release_knows(m, report->id, report->exec)) /* nobody's any more */
                release_begin(m, report->path, report->id, report->exec, NULL);
}

/* ---- life ---- */

/* As sd_bus_open_system(3), but for the porter between us and the bus. That it is us who connect is what the bus will know us by. */
static int open_system_bus(Manager *m) {
        int inside, outside = fd_connect(SYSTEM_BUS_SOCKET, SOCK_STREAM);
        int r = outside < 0 ? outside : porter_link_bus(m->bus_porter, outside, &inside);
        if (r >= 0)
                r = sd_bus_new(&m->bus);
        if (r < 0)
                return r;
        r = sd_bus_set_fd(m->bus, inside, inside);
        if (r >= 0)
                r = sd_bus_set_bus_client(m->bus, 1);
        return r < 0 ? r : sd_bus_start(m->bus);
}

static int open_porter(Manager *m, const char *path, PorterLink **ret) {
        int r = porter_link_open(m->event, path, ret);
        if (r < 0)
                log_error("Nobody stands at the doors (%s; see mxc-porter(8)): %s", path, strerror(-r));
        return r;
}

static int open_doors(Manager *m) {
        int r = open_porter(m, MXC_PORTER_DOOR_SOCKET, &m->porter);
        if (r >= 0)
                r = open_porter(m, MXC_PORTER_BUS_SOCKET, &m->bus_porter);
        return r >= 0 ? open_system_bus(m) : r;
}

static int open_parts(Manager *m) {
        static const char *const dirs[] = { MXC_LIBDIR, MXC_ETC_DIR, MXC_RUN_DIR, NULL };
        int r = audit_new(NULL, &m->audit);
        if (r >= 0) {
                int k = audit_store_at(m->audit, MXC_RUN_DIR "/audit");
                if (k < 0)
                        log_error("While the journal takes no records, nothing can be ended: %s",
                                        strerror(-k));
                r = record_wait_new(m->event, m->audit, &m->waits);
        }
        if (r >= 0)
                r = open_doors(m);
        if (r >= 0)
                r = sd_bus_attach_event(m->bus, m->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = authorizer_new(m->bus, &m->authorizer);
        if (r >= 0)
                r = caller_cache_new(m->bus, &m->callers);
        if (r >= 0)
                r = user_cache_new(m->event, &m->users);
        if (r >= 0)
                r = policy_store_new(dirs, &m->policies);
        if (r >= 0)
                r = registry_new(dirs, MXC_STATE_DIR, &m->registry);
        if (r >= 0)
                r = decision_cache_new(&m->decisions);
        if (r >= 0)
                r = plan_cache_new(&m->plans);
        if (r >= 0)
                r = turns_new(m->event, &m->turns);
        if (r >= 0)
                r = host_facts_gather(&m->host);
        return r;
}

static int on_system_bus_gone(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Manager *m = userdata;
        log_error("The system bus is gone; mxcd begins afresh. Sandboxes go on.");
        return sd_event_exit(m->event, EXIT_FAILURE);
}

static void on_sender_gone(const char *sender, void *userdata) {
        sandbox_sender_gone(userdata, sender);
}

static int start(Manager *m) {
        const LaunchOwner owner = { on_launcher_up, on_launcher_down, on_adopt, on_exited, m, 0 };
        caller_cache_on_gone(m->callers, on_sender_gone, m);
        int r = runtime_prepare();
        if (r >= 0)
                r = manager_load(m, NULL, NULL);
        if (r >= 0)
                r = watch_files(m);
        if (r >= 0)
                r = adopt_begin(m, &m->found);
        if (r >= 0)
                r = bus_add_objects(m, m->bus);
        if (r >= 0)
                r = scope_watch_jobs(m);
        if (r >= 0)
                r = sd_bus_match_signal(m->bus, NULL, NULL, "/org/freedesktop/DBus/Local",
                                "org.freedesktop.DBus.Local", "Disconnected", on_system_bus_gone, m);
        return r >= 0 ? launch_channel_new(m->event, MXC_LAUNCH_SOCKET, &owner, &m->launch) : r;
}

int manager_new(sd_event *event, Manager **ret) {
        _cleanup_(manager_freep) Manager *m = calloc(1, sizeof(Manager));
        if (!m)
                return -ENOMEM;
        m->event = sd_event_ref(event);
        m->cgroup_path = cgroup_mount_point();
        if (!m->cgroup_path)
                return -ENOTSUP;
        int r = open_parts(m);
        if (r >= 0)
                r = start(m);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

static void free_sandbox(Sandbox *s, void *userdata) {
        sandbox_free(s);
}

Manager *manager_free(Manager *m) {
        if (!m)
                return NULL;
        door_free(m->door);
        m->turns = turns_free(m->turns); /* who is refused from here on is refused at once */
        m->waits = record_wait_free(m->waits);
        launch_channel_free(m->launch);
        release_free_all(m);
        runtime_keep();
        sandbox_for_each(m, free_sandbox, NULL);
        scope_free_all(m);
        adopt_free(m->found);
        authorizer_free(m->authorizer);
        caller_cache_free(m->callers);
        user_cache_free(m->users);
        registry_free(m->registry);
        policy_store_free(m->policies);
        decision_cache_free(m->decisions);
        plan_cache_free(m->plans);
        host_facts_clear(&m->host);
        audit_free(m->audit);
        sd_event_source_disable_unref(m->reload);
        sd_event_source_disable_unref(m->attach_end);
        sd_bus_flush_close_unref(m->bus);
        porter_link_free(m->porter);
        porter_link_free(m->bus_porter);
        sd_event_unref(m->event);
        while (!LIST_EMPTY(&m->usage)) {
                Usage *u = LIST_FIRST(&m->usage);
                LIST_REMOVE(u, entries);
                free(u);
        }
        free(m);
        return NULL;
}
