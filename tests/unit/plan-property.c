/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan-property.h"
#include "cleanup.h"

DEFINE_CLEANUP(LaunchPlan *, launch_plan_free);

typedef struct Probe {
        const LaunchPlan *plan;
        const PlanInput *in;
        const char **ret_path;
} Probe;

static bool covers(const char *ancestor, const char *path) {
        size_t n = strlen(ancestor);
        if (n == 1)
                return true;
        return strncmp(ancestor, path, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static bool is_below(const char *path, const char *ancestor) {
        return covers(ancestor, path) && !streq(ancestor, path);
}

/* As the launcher lays them: the deepest wins, and of one path the request's. */
static const PlanMount *mount_at(const LaunchPlan *p, const char *path) {
        const PlanMount *found = NULL;
        for (size_t i = 0; i < p->template.n_mounts + p->n_mounts; i++) {
                const PlanMount *m = i < p->template.n_mounts ? &p->template.mounts[i]
                                                              : &p->mounts[i - p->template.n_mounts];
                if (covers(m->path, path) && (!found || strlen(m->path) >= strlen(found->path)))
                        found = m;
        }
        return found;
}

/* By /bin/x what is denied at /usr/bin/x, and the other way round. */
static bool is_denied_by_another_name(const Probe *t, const char *path) {
        const Policy *e = t->in->decision->effective;
        for (size_t i = 0; i < t->in->host->n_links; i++) {
                const HostLink *link = &t->in->host->links[i];
                _cleanup_free_ char *target = NULL;
                if (asprintf(&target, "/%s", link->target) < 0) {
                        target = NULL;
                        return true;
                }
                for (size_t k = 0; k < e->n_paths; k++) {
                        _cleanup_free_ char *alias = NULL;
                        if (e->paths[k].access != PATH_DENIED || !covers(link->path, e->paths[k].path))
                                continue;
                        if (asprintf(&alias, "%s%s", target, e->paths[k].path + strlen(link->path)) < 0) {
                                alias = NULL;
                                return true;
                        }
                        if (covers(alias, path))
                                return true;
                }
        }
        return false;
}

static const char *check_path(const Probe *t, const char *path) {
        const Policy *e = t->in->decision->effective;
        const PlanMount *m = mount_at(t->plan, path);
        int planned = m ? (int)m->access : (int)PLAN_DENIED,
            allowed = (int)policy_path_access(e, path, NULL);
        bool exec = m && m->access != PLAN_DENIED && m->exec, may_exec = policy_path_exec(e, path);
        *t->ret_path = path;
        if (planned > allowed)
                return "more access than the policy allows";
        if (exec && !may_exec)
                return "execution that the policy does not allow";
        /* and no less, but where something stricter is known */
        if (planned == allowed && exec == may_exec)
                return NULL;
        if (covers("/dev", path) || covers("/proc", path) || is_denied_by_another_name(t, path))
                return NULL;
        return planned < allowed ? "less access than the policy allows"
                                 : "no execution where the policy allows it";
}

/* The path, and names below it that nobody says. */
static const char *check_around(const Probe *t, const char *path) {
        static const char *const suffixes[] = { "", "/x", "/x/y", "-x" };
        static char probe[LIMIT_PATH_BYTES + 8];
        for (const char *p = path; *p == '/'; p += 1 + strcspn(p + 1, "/"))
                if (strcspn(p + 1, "/") > 255)
                        return NULL; /* cannot exist */
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                (void)snprintf(probe, sizeof(probe), "%s%s", streq(path, "/") && i > 0 ? "" : path,
                                suffixes[i]);
                if (probe[0] != '/' || strlen(probe) > LIMIT_PATH_BYTES)
                        continue;
                const char *fault = check_path(t, probe);
                if (fault)
                        return fault;
        }
        return NULL;
}

static const char *check_paths(const Probe *t) {
        const Policy *policies[] = { t->in->decision->effective, t->in->decision->literal };
        const char *fault = check_around(t, "/");
        for (size_t k = 0; k < ELEMENTSOF(policies); k++) {
                for (size_t i = 0; !fault && i < policies[k]->n_paths; i++)
                        fault = check_around(t, policies[k]->paths[i].path);
                for (size_t i = 0; !fault && i < policies[k]->n_exec; i++)
                        fault = check_around(t, policies[k]->exec[i]);
        }
        for (size_t i = 0; !fault && i < t->plan->n_mounts; i++)
                fault = check_around(t, t->plan->mounts[i].path);
        for (size_t i = 0; !fault && i < t->plan->template.n_mounts; i++)
                fault = check_around(t, t->plan->template.mounts[i].path);
        if (!fault && t->in->workspace)
                fault = check_around(t, t->in->workspace);
        return fault;
}

/* ---- who opens what ---- */

static bool names(const Policy *p, const char *path) {
        for (size_t i = 0; i < p->n_paths; i++)
                if (streq(p->paths[i].path, path))
                        return true;
        for (size_t i = 0; i < p->n_exec; i++)
                if (streq(p->exec[i], path))
                        return true;
        return false;
}

static bool is_below_writable(const LaunchPlan *p, const char *path) {
        for (size_t i = 0; i < p->n_mounts; i++)
                if (p->mounts[i].access == PLAN_READWRITE && is_below(path, p->mounts[i].path))
                        return true;
        return false;
}

static const char *check_request(const Probe *t, const PlanMount *m) {
        const Policy *literal = t->in->decision->literal;
        bool is_workspace = t->in->workspace && streq(m->path, t->in->workspace);
        *t->ret_path = m->path;
        if (m->access == PLAN_DENIED) {
                if (m->exec || m->required)
                        return "a denied mount that is more than denied";
                return NULL;
        }
        if (!m->as_owner && (!t->in->stored || is_workspace || is_below_writable(t->plan, m->path)))
                return "opened as root";
        if (!m->as_owner && (!names(literal, m->path) || (int)m->access > (int)policy_path_access(literal,
                                                                                          m->path, NULL)))
                return "opened as root, and no administrator named it";
        if (is_workspace && !m->required)
                return "the workspace is not required";
        return NULL;
}

static const char *check_template(const Probe *t, const PlanMount *m) {
        *t->ret_path = m->path;
        if (m->as_owner || m->required || m->access == PLAN_READWRITE)
                return "a template that is not root's, optional and read-only";
        if (!t->in->stored)
                return "a caller's document in a template";
        const Policy *literal = t->in->decision->literal;
        for (size_t i = 0; m->access != PLAN_DENIED && i < literal->n_paths; i++)
                if (literal->paths[i].access == PATH_READWRITE &&
                                is_below(m->path, literal->paths[i].path) &&
                                !is_denied_by_another_name(t, literal->paths[i].path))
                        return "root's, below what can be written";
        return NULL;
}

static const char *check_mounts(const Probe *t) {
        const char *fault = NULL;
        for (size_t i = 0; !fault && i < t->plan->n_mounts; i++)
                fault = check_request(t, &t->plan->mounts[i]);
        for (size_t i = 0; !fault && i < t->plan->template.n_mounts; i++)
                fault = check_template(t, &t->plan->template.mounts[i]);
        const char *w = t->in->workspace;
        if (fault || !w || policy_path_access(t->in->decision->effective, w, NULL) == PATH_DENIED)
                return fault;
        for (size_t i = 0; i < t->plan->n_mounts; i++)
                if (streq(t->plan->mounts[i].path, w))
                        return NULL;
        *t->ret_path = w;
        return "the workspace is no mount of its own";
}

static bool writes_below(const LaunchPlan *p, const char *path) {
        for (size_t i = 0; i < p->n_mounts; i++)
                if (p->mounts[i].access == PLAN_READWRITE && is_below(p->mounts[i].path, path))
                        return true;
        return false;
}

/* What is read-only below something writable must hold by name as well. */
static const char *check_names(const Probe *t) {
        const LaunchPlan *p = t->plan;
        for (size_t i = 0; i < p->n_mounts; i++) {
                const PlanMount *m = &p->mounts[i], *above = NULL;
                bool found = writes_below(p, m->path); /* a protected name is one with all that is below */
                for (size_t k = 0; k < p->n_mounts; k++)
                        if (is_below(m->path, p->mounts[k].path) &&
                                        (!above || strlen(p->mounts[k].path) > strlen(above->path)))
                                above = &p->mounts[k];
                if (m->access != PLAN_READONLY || !above || above->access != PLAN_READWRITE)
                        continue;
                for (size_t k = 0; k < p->n_handoff; k++)
                        found = found || (p->handoff[k].where == PLAN_HANDOFF_GRANT &&
                                                         streq(p->handoff[k].path, m->path + 1));
                *t->ret_path = m->path;
                if (!found)
                        return "read-only only while it is there";
        }
        return NULL;
}

/* ---- everything else ---- */

static const char *check_process(const Probe *t) {
        const Policy *e = t->in->decision->effective;
        const LaunchPlan *p = t->plan;
        size_t n = 0;
        *t->ret_path = "";
        for (size_t i = 0; i < n_syscall_table; i++)
                n += syscall_set_has(&e->syscalls, (int)i);
        if (n != p->template.n_syscalls || p->template.debugging != e->debugging)
                return "other system calls than the policy's";
        for (size_t i = 0; i < p->template.n_syscalls; i++)
                if (!syscall_set_has(&e->syscalls, syscall_index(p->template.syscalls[i])))
                        return "a system call that the policy does not allow";
        for (size_t i = 0; i < p->n_env; i++) {
                const char *equals = strchr(p->env[i], '=');
                _cleanup_free_ char *name = equals ? strndup(p->env[i], (size_t)(equals - p->env[i])) : NULL;
                if (!name)
                        return "an environment that is none";
                const PolicyRequest q = { .kind = REQUEST_ENV, .target = name, .value = equals + 1 };
                if (policy_allows(e, &q, NULL) == VERDICT_DENY &&
                                !streq(p->env[i], "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/"
                                                  "sbin:/bin"))
                        return "a variable that the policy does not allow";
        }
        return NULL;
}

static const char *check_limits(const Probe *t) {
        static const ResourceKind kinds[_PLAN_LIMIT_MAX] = { RESOURCE_MEMORY_MAX, RESOURCE_SWAP_MAX,
                RESOURCE_TASKS_MAX, RESOURCE_CPU_QUOTA, RESOURCE_CPU_WEIGHT, RESOURCE_IO_WEIGHT };
        const uint64_t *r = t->in->decision->effective->resources;
        bool there[_PLAN_LIMIT_MAX] = { false };
        for (size_t i = 0; i < t->plan->n_limits; i++) {
                const PlanLimit *l = &t->plan->limits[i];
                there[l->kind] = true;
                if (l->value > r[kinds[l->kind]])
                        return "a limit above the policy's";
        }
        for (size_t k = 0; k < _PLAN_LIMIT_MAX; k++)
                if (!there[k] && r[kinds[k]] != RESOURCE_UNLIMITED)
                        return "a limit of the policy is missing";
        return t->plan->max_files > r[RESOURCE_FILES_MAX] ? "more files than the policy allows" : NULL;
}

static const char *check_encoding(const LaunchPlan *p) {
        _cleanup_free_ uint8_t *data = NULL, *again = NULL;
        _cleanup_(launch_plan_freep) LaunchPlan *decoded = NULL;
        size_t size, n_again, offset, length;
        if (launch_plan_encode(p, &data, &size) < 0)
                return "cannot be encoded";
        if (launch_plan_decode(data, size, &decoded, &offset, &length, NULL) < 0)
                return "cannot be decoded";
        if (launch_plan_encode(decoded, &again, &n_again) < 0 || size != n_again ||
                        memcmp(data, again, size) != 0)
                return "comes back as another";
        return NULL;
}

const char *plan_fault(const LaunchPlan *p, const PlanInput *in, const char **ret_path) {
        const Probe t = { p, in, ret_path };
        const char *fault = check_paths(&t);
        if (!fault)
                fault = check_mounts(&t);
        if (!fault)
                fault = check_names(&t);
        if (!fault)
                fault = check_process(&t);
        if (!fault)
                fault = check_limits(&t);
        return fault ? fault : check_encoding(p);
}
