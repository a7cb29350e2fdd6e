/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cleanup.h"
#include "fuzz.h"
#include "limits.h"
#include "plan.h"

/* The bytes of a plan, taken as a launch plan and as an exec plan.
 *
 * Properties: nothing crashes; what is decoded encodes to the same bytes; the template's bytes lie within; what a root
 * program would act on keeps the rules of plan.h. */

DEFINE_CLEANUP(LaunchPlan *, launch_plan_free);
DEFINE_CLEANUP(ExecPlan *, exec_plan_free);

static void check_mounts(const PlanMount *mounts, size_t n, bool of_template) {
        fuzz_holds(n <= LIMIT_PLAN_MOUNTS, "mounts are bounded");
        for (size_t i = 0; i < n; i++) {
                fuzz_holds(path_is_normal(mounts[i].path), "a mount's path is normal");
                fuzz_holds(i == 0 || strcmp(mounts[i - 1].path, mounts[i].path) < 0, "mounts are in order");
                fuzz_holds(!of_template || !mounts[i].as_owner, "a template names nothing of a caller");
        }
}

/* As the launcher, which has it already. */
typedef struct Known {
        const uint8_t *data;
        size_t size;
        const PlanTemplate *template;
} Known;

static const PlanTemplate *find(const uint8_t *data, size_t size, size_t *ret_size, void *userdata) {
        const Known *k = userdata;
        if (size < k->size || memcmp(data, k->data, k->size) != 0)
                return NULL;
        *ret_size = k->size;
        return k->template;
}

static void with_known(const uint8_t *data, size_t size, const Known *k) {
        _cleanup_(launch_plan_freep) LaunchPlan *p = NULL;
        _cleanup_free_ uint8_t *again = NULL;
        size_t offset, length, n;
        int r = launch_plan_decode_known(data, size, find, (void *)k, &p, &offset, &length, NULL);
        fuzz_holds(r == 0 && p->template_is_known, "a template that is known is taken");
        fuzz_holds(data + offset == k->data && length == k->size, "and is where it was");
        fuzz_holds(launch_plan_encode(p, &again, &n) == 0 && n == size && memcmp(again, data, n) == 0,
                        "with a known template: the same bytes");
}

static void launch_plan(const uint8_t *data, size_t size) {
        _cleanup_(launch_plan_freep) LaunchPlan *p = NULL;
        size_t offset, length;
        const char *where = NULL;
        int r = launch_plan_decode(data, size, &p, &offset, &length, &where);
        if (r < 0) {
                fuzz_holds(r == -EBADMSG && !p && where, "a refusal names the field");
                return;
        }
        _cleanup_free_ uint8_t *again = NULL;
        size_t n;
        fuzz_holds(launch_plan_encode(p, &again, &n) == 0, "what is decoded can be encoded");
        fuzz_holds(n == size && memcmp(again, data, n) == 0, "decode, encode: the same bytes");
        fuzz_holds(offset <= size && length <= size - offset, "the template lies within");
        fuzz_holds(strlen(p->id) == 32 && !strchr(p->id, '/'), "an id is a file name");
        fuzz_holds(path_is_normal(p->scope) && path_is_normal(p->cwd), "paths are normal");
        fuzz_holds(p->user && (!*p->home || path_is_normal(p->home)), "a home is one, or none");
        fuzz_holds(p->uid != UINT32_MAX && p->gid != UINT32_MAX, "an identity is one");
        with_known(data, size, &(const Known){ data + offset, length, &p->template });
        fuzz_holds(plan_template_keep_encoded(&p->template) == 0 && p->template.n_encoded == length &&
                                        memcmp(p->template.encoded, data + offset, length) == 0,
                        "what is kept is what was read");
        check_mounts(p->template.mounts, p->template.n_mounts, true);
        check_mounts(p->mounts, p->n_mounts, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        launch_plan(data, size);
        _cleanup_(exec_plan_freep) ExecPlan *p = NULL;
        const char *where = NULL;
        int r = exec_plan_decode(data, size, &p, &where);
        fuzz_holds(r == 0 || (r == -EBADMSG && where), "a refusal names the field");
        if (r < 0)
                return 0;
        _cleanup_free_ uint8_t *again = NULL;
        size_t n;
        fuzz_holds(exec_plan_encode(p, &again, &n) == 0 && n == size && memcmp(again, data, n) == 0,
                        "decode, encode: the same bytes");
        fuzz_holds(p->n_argv > 0, "there is something to execute");
        return 0;
}
