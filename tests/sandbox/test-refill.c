/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When is ordered what the next sandboxes take: test-refill. A launcher of this very program, whose loop is turned by hand, so that nothing
 * here is a matter of time: as long as something happens, not before half of it is gone; when nothing does, all of it; while a sandbox is
 * being set up, only the last of it. TAP. */

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "cleanup.h"
#include "loose.h"
#include "net-pool.h"
#include "skeleton.h"
#include "template-cache.h"

DEFINE_CLEANUP(LaunchPlan *, launch_plan_free);

/* One event, and what it is for: an order that was executed. */
static void turn(Launcher *l) {
        struct epoll_event e;
        if (epoll_wait(l->epoll, &e, 1, 60000) != 1)
                rig_die("what is ordered", ETIMEDOUT);
        Source *s = e.data.ptr;
        s->handle(l, s->owner);
}

static void turns(Launcher *l, size_t n) {
        for (; n > 0; n--)
                turn(l);
}

static Launcher *launcher(void) {
        struct sockaddr_un address = { .sun_family = AF_UNIX }; /* autobind: a name of nobody's */
        int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        Launcher *l;
        need(listener >= 0 && bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t)) == 0 &&
                                        listen(listener, 1) == 0,
                        "a socket");
        int r = launcher_new(&l, listener, "/nonexistent");
        if (r < 0)
                rig_die("a launcher", r);
        return l;
}

/* Something is being set up, as far as the pools can see. */
static void set_up(Launcher *l, Run *run, bool now) {
        if (now)
                TAILQ_INSERT_TAIL(&l->starting, run, starting);
        else
                TAILQ_REMOVE(&l->starting, run, starting);
}

/* ---- networks ---- */

static void take_nets(Launcher *l, size_t n) {
        for (; n > 0; n--) {
                EmptyNamespaces e = net_pool_take(l);
                need(e.net >= 0, "a network that is ready");
                empty_namespaces_close(&e);
        }
}

static void networks(Launcher *l) {
        static const char about[] = "networks";
        Run run = { .pid = 0 };
        turns(l, NET_POOL_SIZE); /* ordered with the helper's beginning */
        take_nets(l, 1);
        tell(net_pool_refill(l, false), about, "one that was taken is owed while something happens");
        tell(net_pool_refill(l, false), about, "for as long as that goes on");
        tell(!net_pool_refill(l, true), about, "it is ordered when nothing does");
        turn(l);
        take_nets(l, NET_POOL_SIZE / 2 - 1);
        tell(net_pool_refill(l, false), about, "nearly half of them are owed while something happens");
        take_nets(l, 1);
        tell(!net_pool_refill(l, false), about, "half of them are ordered");
        turns(l, NET_POOL_SIZE / 2);

        take_nets(l, 1);
        set_up(l, &run, true);
        tell(!net_pool_refill(l, true), about, "nothing is waited for while a sandbox is set up");
        set_up(l, &run, false);
        tell(net_pool_refill(l, false), about, "nor was it ordered meanwhile");
        set_up(l, &run, true);
        take_nets(l, NET_POOL_SIZE * 3 / 4 - 1);
        (void)net_pool_refill(l, false);
        turns(l, NET_POOL_SIZE * 3 / 4); /* or it waits in vain */
        set_up(l, &run, false);
        tell(!net_pool_refill(l, false), about, "three quarters of them are ordered even then");
}

/* ---- roots ---- */

static Template *template_of(Launcher *l) {
        Rig r = { .scope = (char *)"/none", .workspace = (char *)"/srv", .features = l->features };
        _cleanup_(launch_plan_freep) LaunchPlan *made = rig_plan(&r), *p = NULL;
        _cleanup_free_ uint8_t *data = NULL;
        size_t size, key, key_size;
        const char *detail;
        Template *t;
        static const char *const argv[] = { "true", NULL };
        plan_set_argv(made, argv);
        need(launch_plan_encode(made, &data, &size) == 0 &&
                                        launch_plan_decode(data, size, &p, &key, &key_size, &detail) == 0,
                        "a plan");
        need(template_cache_get(l, data + key, key_size, p, &t, &detail) == 0, "a template");
        while (t->mount_ns < 0) {
                need(t->build != NULL, "a template that is made");
                turn(l);
        }
        return t;
}

static bool take_root(Launcher *l, Template *t) {
        Skeleton s = skeleton_take(l, t);
        bool is = s.ns >= 0;
        skeleton_close(&s);
        return is;
}

static void take_roots(Launcher *l, Template *t, size_t n) {
        for (; n > 0; n--)
                need(take_root(l, t), "a root that is ready");
}

static void roots(Launcher *l) {
        static const char about[] = "roots";
        Run run = { .pid = 0 };
        Template *t = template_of(l);
        need(!take_root(l, t), "none at first");
        set_up(l, &run, true);
        tell(!skeletons_refill(l, true), about, "no helper begins while a sandbox is set up");
        set_up(l, &run, false);
        tell(!skeletons_refill(l, false), about, "one does when that is over, and all of them are ordered");
        turns(l, SKELETONS_READY);
        take_roots(l, t, 1);
        tell(skeletons_refill(l, false), about, "one that was taken is owed while something happens");
        tell(skeletons_refill(l, false), about, "for as long as that goes on");
        tell(!skeletons_refill(l, true), about, "it is ordered when nothing does");
        turn(l);
        take_roots(l, t, SKELETONS_READY / 2);
        tell(!skeletons_refill(l, false), about, "half of them are ordered");
        turns(l, SKELETONS_READY / 2);

        take_roots(l, t, 1);
        set_up(l, &run, true);
        tell(!skeletons_refill(l, true), about, "nothing is waited for while a sandbox is set up");
        set_up(l, &run, false);
        tell(skeletons_refill(l, false), about, "nor was it ordered meanwhile");
        set_up(l, &run, true);
        take_roots(l, t, SKELETONS_READY - 1);
        (void)skeletons_refill(l, false);
        turns(l, SKELETONS_READY); /* or it waits in vain */
        set_up(l, &run, false);
        tell(!skeletons_refill(l, false), about, "the last is ordered even then");
}

int main(void) {
        Launcher *l = launcher();
        networks(l);
        roots(l);
        return tell_end();
}
