/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a plan is made of, each field said once for both directions (codec.h). */

#include "codec.h"

#include <sys/socket.h>

#include "cleanup.h"
#include "limits.h"
#include "plan.h"

DEFINE_CLEANUP(LaunchPlan *, launch_plan_free);
DEFINE_CLEANUP(ExecPlan *, exec_plan_free);

/* ---- the rules a field must keep ---- */

static bool components_are_normal(const char *path) {
        for (const char *p = path; *p != 0;) {
                size_t n = strcspn(p, "/");
                if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
                        return false;
                p += n;
                if (*p == '/') {
                        p++;
                        if (*p == 0)
                                return false;
                }
        }
        return true;
}

bool path_is_normal(const char *path) {
        if (path[0] != '/' || strlen(path) > LIMIT_PATH_BYTES)
                return false;
        return path[1] == 0 || components_are_normal(path + 1);
}

static bool path_is_relative_and_normal(const char *path) {
        return path[0] != 0 && path[0] != '/' && components_are_normal(path);
}

static void code_path(Codec *c, char **path, const char *where) {
        code_string(c, path, LIMIT_PATH_BYTES, where);
        if (c->error == 0 && !path_is_normal(*path))
                codec_refuse(c, where);
}

/* ---- the parts of a plan ---- */

static void code_mounts(Codec *c, PlanMount **mounts, size_t *n, bool of_template, const char *where) {
        code_count(c, (void **)mounts, n, sizeof(PlanMount), LIMIT_PLAN_MOUNTS, where);
        for (size_t i = 0; c->error == 0 && i < *n; i++) {
                PlanMount *m = &(*mounts)[i];
                code_path(c, &m->path, where);
                uint32_t access = (uint32_t)m->access;
                code_u32(c, &access, 0, _PLAN_ACCESS_MAX - 1, where);
                m->access = (PlanAccess)access;
                code_bool(c, &m->exec, where);
                code_bool(c, &m->as_owner, where);
                code_bool(c, &m->required, where);
                if (c->error != 0)
                        return;
                /* strcmp order puts every directory before what is below it */
                if ((of_template && m->as_owner) || (i > 0 && strcmp((*mounts)[i - 1].path, m->path) >= 0))
                        codec_refuse(c, where);
        }
}

static void code_links(Codec *c, PlanLink **links, size_t *n) {
        static const char where[] = "template.links";
        code_count(c, (void **)links, n, sizeof(PlanLink), LIMIT_PLAN_LINKS, where);
        for (size_t i = 0; c->error == 0 && i < *n; i++) {
                PlanLink *l = &(*links)[i];
                code_path(c, &l->path, where);
                code_string(c, &l->target, LIMIT_PATH_BYTES, where);
                if (c->error == 0 && (l->target[0] == 0 || streq(l->path, "/")))
                        codec_refuse(c, where);
        }
}

/* There are hundreds of them in every plan: strspn() would make a table of the letters for each. */
static bool is_call_name(const char *name) {
        const char *p = name;
        while ((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '_')
                p++;
        return p > name && *p == 0;
}

static void code_syscalls(Codec *c, char ***names, size_t *n) {
        static const char where[] = "template.syscalls";
        code_count(c, (void **)names, n, sizeof(char *), LIMIT_PLAN_SYSCALLS, where);
        for (size_t i = 0; c->error == 0 && i < *n; i++) {
                code_string(c, &(*names)[i], LIMIT_NAME_BYTES, where);
                if (c->error != 0)
                        return;
                if (!is_call_name((*names)[i]) || (i > 0 && strcmp((*names)[i - 1], (*names)[i]) >= 0))
                        codec_refuse(c, where);
        }
}

static void code_template(Codec *c, PlanTemplate *t) {
        if (!c->decoding && t->encoded) {
                codec_append_encoded(c, t->encoded, t->n_encoded, "template");
                return;
        }
        code_mounts(c, &t->mounts, &t->n_mounts, true, "template.mounts");
        code_links(c, &t->links, &t->n_links);
        code_syscalls(c, &t->syscalls, &t->n_syscalls);
        code_bool(c, &t->debugging, "template.debugging");
        code_u32(c, &t->landlock_abi, 0, UINT32_MAX, "template.landlock_abi");
}

int plan_template_keep_encoded(PlanTemplate *t) {
        Codec c = { .decoding = false };
        code_template(&c, t);
        return codec_take_output(&c, &t->encoded, &t->n_encoded);
}

typedef struct KnownTemplates {
        PlanTemplateFind find; /* NULL: none */
        void *userdata;
} KnownTemplates;

/* True where it was known. */
static bool take_known(Codec *c, const KnownTemplates *known, LaunchPlan *p) {
        size_t size = 0;
        const PlanTemplate *t = c->decoding && c->error == 0 && known && known->find
                                                ? known->find(c->in, c->left, &size, known->userdata)
                                                : NULL;
        if (!t)
                return false;
        p->template = *t;
        p->template_is_known = true;
        codec_skip(c, size);
        return true;
}

static void code_handoff(Codec *c, PlanHandoff **handoff, size_t *n) {
        code_count(c, (void **)handoff, n, sizeof(PlanHandoff), LIMIT_PLAN_HANDOFF, "handoff");
        for (size_t i = 0; c->error == 0 && i < *n; i++) {
                PlanHandoff *h = &(*handoff)[i];
                uint32_t place = (uint32_t)h->where;
                code_u32(c, &place, 0, _PLAN_HANDOFF_MAX - 1, "handoff");
                h->where = (PlanHandoffWhere)place;
                code_string(c, &h->path, LIMIT_PATH_BYTES, "handoff");
                if (c->error == 0 && !path_is_relative_and_normal(h->path))
                        codec_refuse(c, "handoff");
        }
}

/* Words of a command or of an environment: limit words, limit_bytes with their NULs. */
static void code_words(
                Codec *c, char ***words, size_t *n, size_t limit, size_t limit_bytes, const char *where) {
        code_count(c, (void **)words, n, sizeof(char *), limit, where);
        size_t bytes = 0;
        for (size_t i = 0; c->error == 0 && i < *n; i++) {
                code_string(c, &(*words)[i], limit_bytes - 1, where);
                if (c->error != 0)
                        return;
                bytes += strlen((*words)[i]) + 1;
                if (bytes > limit_bytes)
                        codec_fail(c, c->decoding ? -EBADMSG : -E2BIG, where);
        }
}

static void code_argv(Codec *c, char ***argv, size_t *n) {
        code_words(c, argv, n, LIMIT_ARGV, LIMIT_ARGV_BYTES, "argv");
        if (c->error == 0 && *n > 0 && (*argv)[0][0] == 0)
                codec_refuse(c, "argv");
}

static void code_env(Codec *c, char ***env, size_t *n) {
        code_words(c, env, n, LIMIT_ENV, LIMIT_ENV_BYTES, "env");
        for (size_t i = 0; c->error == 0 && i < *n; i++) {
                const char *equals = strchr((*env)[i], '=');
                if (!equals || equals == (*env)[i])
                        codec_refuse(c, "env");
        }
}

static void code_tty(Codec *c, bool *pty, uint32_t *rows, uint32_t *columns) {
        code_bool(c, pty, "pty");
        code_u32(c, rows, 0, LIMIT_TTY_ROWS, "rows");
        code_u32(c, columns, 0, LIMIT_TTY_ROWS, "columns");
}

/* Never root, not even by half. */
static void code_relay(Codec *c, uint32_t *uid, uint32_t *gid) {
        code_u32(c, uid, 0, UINT32_MAX - 1, "relay");
        code_u32(c, gid, 0, UINT32_MAX - 1, "relay");
        if (c->error == 0 && (*uid == 0) != (*gid == 0))
                codec_refuse(c, "relay");
}

static void code_limits(Codec *c, PlanLimit **limits, size_t *n) {
        code_count(c, (void **)limits, n, sizeof(PlanLimit), _PLAN_LIMIT_MAX, "limits");
        uint32_t seen = 0;
        for (size_t i = 0; c->error == 0 && i < *n; i++) {
                PlanLimit *l = &(*limits)[i];
                uint32_t kind = (uint32_t)l->kind;
                code_u32(c, &kind, 0, _PLAN_LIMIT_MAX - 1, "limits");
                code_number(c, &l->value, 8, "limits");
                if (c->error != 0)
                        return;
                l->kind = (PlanLimitKind)kind;
                bool weight = l->kind == PLAN_LIMIT_CPU_WEIGHT || l->kind == PLAN_LIMIT_IO_WEIGHT;
                if ((seen & (1U << kind)) || (weight && (l->value < 1 || l->value > 10000)))
                        codec_refuse(c, "limits");
                seen |= 1U << kind;
        }
}

static void code_published(Codec *c, PlanListener **list, size_t *n, bool has_relay) {
        code_count(c, (void **)list, n, sizeof(PlanListener), LIMIT_PUBLISHED, "published");
        for (size_t i = 0; c->error == 0 && i < *n; i++) {
                PlanListener *l = &(*list)[i];
                uint32_t family = l->family == AF_INET6 ? 6 : 4;
                code_u32(c, &family, 4, 6, "published");
                if (c->error == 0 && (family == 5 || !has_relay))
                        codec_refuse(c, "published");
                l->family = family == 6 ? AF_INET6 : AF_INET;
                code_u32(c, &l->port, PLAN_PORT_MIN, UINT16_MAX, "published");
                for (size_t k = 0; c->error == 0 && k < (family == 6 ? 16U : 4U); k++) {
                        uint64_t byte = l->address[k];
                        code_number(c, &byte, 1, "published");
                        l->address[k] = (uint8_t)byte;
                }
        }
}

/* An id that setresuid() would take for "leave it as it is" is not an id. */
static void code_identity(Codec *c, LaunchPlan *p) {
        code_u32(c, &p->uid, 0, UINT32_MAX - 1, "uid");
        code_u32(c, &p->gid, 0, UINT32_MAX - 1, "gid");
        code_count(c, (void **)&p->groups, &p->n_groups, sizeof(uint32_t), LIMIT_PLAN_GROUPS, "groups");
        for (size_t i = 0; c->error == 0 && i < p->n_groups; i++)
                code_u32(c, &p->groups[i], 0, UINT32_MAX - 1, "groups");
}

/* What is known of the owner, and may be nothing. */
static void code_home(Codec *c, char **user, char **home) {
        code_string(c, user, LIMIT_USER_NAME_BYTES, "user");
        code_string(c, home, LIMIT_PATH_BYTES, "home");
        if (c->error == 0 && **home && !path_is_normal(*home))
                codec_refuse(c, "home");
}

static void code_head(Codec *c) {
        uint32_t magic = PLAN_MAGIC, version = PLAN_VERSION;
        code_u32(c, &magic, PLAN_MAGIC, PLAN_MAGIC, "magic");
        code_u32(c, &version, PLAN_VERSION, PLAN_VERSION, "version");
}

static void code_hostname(Codec *c, char **name) {
        code_string(c, name, 64, "hostname"); /* HOST_NAME_MAX */
        if (c->error == 0 &&
                        !consists_of(*name,
                                        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-"))
                codec_refuse(c, "hostname");
}

/* The scope must also fit a LaunchRequest, so that it can be dropped and released by path. */
#define SCOPE_BYTES 511

static void code_launch_plan(Codec *c, LaunchPlan *p, const KnownTemplates *known,
                const uint8_t **template_start, const uint8_t **template_end) {
        code_head(c);
        code_id(c, &p->id, "id");
        code_path(c, &p->scope, "scope");
        if (c->error == 0 && (p->scope[1] == 0 || strlen(p->scope) > SCOPE_BYTES))
                codec_refuse(c, "scope");
        code_hostname(c, &p->hostname);
        *template_start = c->in;
        if (!take_known(c, known, p))
                code_template(c, &p->template);
        *template_end = c->in;
        code_mounts(c, &p->mounts, &p->n_mounts, false, "mounts");
        code_handoff(c, &p->handoff, &p->n_handoff);
        code_identity(c, p);
        code_argv(c, &p->argv, &p->n_argv);
        code_env(c, &p->env, &p->n_env);
        code_path(c, &p->cwd, "cwd");
        code_u32(c, &p->umask, 0, 0777, "umask");
        code_tty(c, &p->pty, &p->rows, &p->columns);
        code_relay(c, &p->relay_uid, &p->relay_gid);
        code_limits(c, &p->limits, &p->n_limits);
        code_number(c, &p->max_files, 8, "max_files");
        code_published(c, &p->published, &p->n_published, p->relay_uid != 0);
        code_home(c, &p->user, &p->home);
}

static void code_exec_plan(Codec *c, ExecPlan *p) {
        code_head(c);
        code_id(c, &p->id, "id");
        code_argv(c, &p->argv, &p->n_argv);
        if (c->error == 0 && p->n_argv == 0)
                codec_refuse(c, "argv");
        code_env(c, &p->env, &p->n_env);
        code_path(c, &p->cwd, "cwd");
        code_tty(c, &p->pty, &p->rows, &p->columns);
}

/* ---- in and out ---- */

int launch_plan_encode(const LaunchPlan *p, uint8_t **ret_data, size_t *ret_size) {
        Codec c = { .decoding = false };
        const uint8_t *start, *end; /* of no use in this direction */
        code_launch_plan(&c, (LaunchPlan *)p, NULL, &start,
                        &end); /* an encoding codec writes nothing back but equal values */
        return codec_take_output(&c, ret_data, ret_size);
}

int exec_plan_encode(const ExecPlan *p, uint8_t **ret_data, size_t *ret_size) {
        Codec c = { .decoding = false };
        code_exec_plan(&c, (ExecPlan *)p);
        return codec_take_output(&c, ret_data, ret_size);
}

int launch_plan_decode_known(const uint8_t *data, size_t size, PlanTemplateFind find, void *userdata,
                LaunchPlan **ret, size_t *ret_template_offset, size_t *ret_template_size,
                const char **ret_where) {
        _cleanup_(launch_plan_freep) LaunchPlan *p = calloc(1, sizeof(LaunchPlan));
        if (!p)
                return -ENOMEM;
        const KnownTemplates known = { find, userdata };
        Codec c = codec_for_input(data, size);
        const uint8_t *start = data, *end = data;
        code_launch_plan(&c, p, &known, &start, &end);
        int r = codec_finish_input(&c, ret_where);
        if (r < 0)
                return r;
        *ret_template_offset = (size_t)(start - data);
        *ret_template_size = (size_t)(end - start);
        *ret = TAKE_PTR(p);
        return 0;
}

int launch_plan_decode(const uint8_t *data, size_t size, LaunchPlan **ret, size_t *ret_template_offset,
                size_t *ret_template_size, const char **ret_where) {
        return launch_plan_decode_known(
                        data, size, NULL, NULL, ret, ret_template_offset, ret_template_size, ret_where);
}

int exec_plan_decode(const uint8_t *data, size_t size, ExecPlan **ret, const char **ret_where) {
        _cleanup_(exec_plan_freep) ExecPlan *p = calloc(1, sizeof(ExecPlan));
        if (!p)
                return -ENOMEM;
        Codec c = codec_for_input(data, size);
        code_exec_plan(&c, p);
        int r = codec_finish_input(&c, ret_where);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

static void free_words(char **words, size_t n) {
        for (size_t i = 0; words && i < n; i++)
                free(words[i]);
        free(words);
}

static void free_mounts(PlanMount *mounts, size_t n) {
        for (size_t i = 0; mounts && i < n; i++)
                free(mounts[i].path);
        free(mounts);
}

static void free_template(PlanTemplate *t) {
        free_mounts(t->mounts, t->n_mounts);
        for (size_t i = 0; t->links && i < t->n_links; i++) {
                free(t->links[i].path);
                free(t->links[i].target);
        }
        free(t->links);
        free_words(t->syscalls, t->n_syscalls);
        free(t->encoded);
}

LaunchPlan *launch_plan_free(LaunchPlan *p) {
        if (!p)
                return NULL;
        free(p->id);
        free(p->scope);
        free(p->hostname);
        if (!p->template_is_known)
                free_template(&p->template);
        free_mounts(p->mounts, p->n_mounts);
        for (size_t i = 0; p->handoff && i < p->n_handoff; i++)
                free(p->handoff[i].path);
        free(p->handoff);
        free(p->groups);
        free_words(p->argv, p->n_argv);
        free_words(p->env, p->n_env);
        free(p->cwd);
        free(p->limits);
        free(p->published);
        free(p->user);
        free(p->home);
        free(p);
        return NULL;
}

ExecPlan *exec_plan_free(ExecPlan *p) {
        if (!p)
                return NULL;
        free(p->id);
        free_words(p->argv, p->n_argv);
        free_words(p->env, p->n_env);
        free(p->cwd);
        free(p);
        return NULL;
}
