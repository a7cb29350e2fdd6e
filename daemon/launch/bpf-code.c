/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpf-code.h"

#include <sys/syscall.h>

#include "cleanup.h"

int bpf_call(enum bpf_cmd command, union bpf_attr *attr) {
        int r = (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
        return r < 0 ? -errno : r;
}

void bpf_code_append(BpfCode *c, const BpfInstruction *list, size_t n) {
        for (size_t i = 0; i < n && c->n < BPF_CODE_MAX; i++)
                c->list[c->n++] = list[i];
}

/* How far each jump goes. */
static void resolve(const BpfCode *c, struct bpf_insn *ret) {
        size_t place[BPF_CODE_LABELS] = { 0 };
        for (size_t i = 0; i < c->n; i++)
                place[c->list[i].here % BPF_CODE_LABELS] = i;
        for (size_t i = 0; i < c->n; i++) {
                const BpfInstruction *instruction = &c->list[i];
                ret[i] = instruction->code;
                if (instruction->to != 0)
                        ret[i].off = (int16_t)((int)place[instruction->to % BPF_CODE_LABELS] - (int)i - 1);
        }
}

int bpf_code_load(const BpfCode *c, union bpf_attr *attr) {
        struct bpf_insn code[BPF_CODE_MAX];
        if (c->n == BPF_CODE_MAX)
                return -E2BIG;
        resolve(c, code);
        attr->insns = (uint64_t)(uintptr_t)code;
        attr->insn_cnt = (uint32_t)c->n;
        attr->license = (uint64_t)(uintptr_t) "LGPL";
        return bpf_call(BPF_PROG_LOAD, attr);
}
