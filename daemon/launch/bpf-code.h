/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Programs for the kernel, written out: a library takes 14 ms to load one, and bare bpf(2) 0.2. */

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

#define BPF_CODE_MAX 384
#define BPF_CODE_LABELS 32

typedef struct BpfInstruction {
        struct bpf_insn code;
        unsigned to;   /* of a jump: a label, from 1; 0: none */
        unsigned here; /* where jumps to that label lead; 0: none */
} BpfInstruction;

typedef struct BpfCode {
        BpfInstruction list[BPF_CODE_MAX];
        size_t n;
} BpfCode;

void bpf_code_append(BpfCode *c, const BpfInstruction *list, size_t n);

/* Fills insns, insn_cnt and license in (LGPL: nothing may be called that is for the GPL alone), and loads it. A descriptor, or a negative errno. */
int bpf_code_load(const BpfCode *c, union bpf_attr *attr);

/* bpf(2): what it opens is close-on-exec. A negative errno. */
int bpf_call(enum bpf_cmd command, union bpf_attr *attr);

/* Registers: bpf(2)'s calling convention. 6 to 9 stay what they are in a call. */
enum { RESULT, ARG_1, ARG_2, ARG_3, ARG_4, ARG_5, CONTEXT, STACK = 10 };

#define OP(...)                                                                                                                       \
        {                                                                                                                             \
                .code = { __VA_ARGS__ }                                                                                               \
        }
#define AT(label, ...)                                                                                                                \
        { .code = { __VA_ARGS__ }, .here = (label) }
#define JUMP(label, ...)                                                                                                              \
        { .code = { __VA_ARGS__ }, .to = (label) }

#define LOAD_FROM(size, reg, from, offset) .code = BPF_LDX | BPF_MEM | (size), .dst_reg = (reg), .src_reg = (from), .off = (int16_t)(offset)
#define LOAD(reg, field) LOAD_FROM(BPF_W, reg, CONTEXT, field)
#define STORE_SIZE(size, place, from) .code = BPF_STX | BPF_MEM | (size), .dst_reg = STACK, .src_reg = (from), .off = (int16_t)(place)
#define STORE(place, from) STORE_SIZE(BPF_W, place, from)
#define STORE_NUMBER(size, place, value) .code = BPF_ST | BPF_MEM | (size), .dst_reg = STACK, .off = (int16_t)(place), .imm = (int32_t)(value)
#define MOVE(reg, from) .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = (reg), .src_reg = (from)
#define SET(reg, value) .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (reg), .imm = (int32_t)(value)
#define MATH(what, reg, value) .code = BPF_ALU64 | (what) | BPF_K, .dst_reg = (reg), .imm = (int32_t)(value)
#define MATH_OF(what, reg, from) .code = BPF_ALU64 | (what) | BPF_X, .dst_reg = (reg), .src_reg = (from)
#define ADD(reg, value) MATH(BPF_ADD, reg, value)
#define AND(reg, value) .code = BPF_ALU | BPF_AND | BPF_K, .dst_reg = (reg), .imm = (int32_t)(value)
#define FROM_NETWORK(reg, bits) .code = BPF_ALU | BPF_END | BPF_TO_BE, .dst_reg = (reg), .imm = (bits)
/* Two instructions each. */
#define MAP_LOW(reg, fd) .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = (reg), .src_reg = BPF_PSEUDO_MAP_FD, .imm = (fd)
#define VALUE_LOW(reg, fd) .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = (reg), .src_reg = BPF_PSEUDO_MAP_VALUE, .imm = (fd)
#define MAP_HIGH .code = 0
#define LONG_LOW(reg, value) .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = (reg), .imm = (int32_t)(uint32_t)(value)
#define LONG_HIGH(value) .code = 0, .imm = (int32_t)(uint32_t)((value) >> 32)
#define CALL(function) .code = BPF_JMP | BPF_CALL, .imm = (function)
#define EXIT .code = BPF_JMP | BPF_EXIT
#define ALWAYS .code = BPF_JMP | BPF_JA
#define IF_0(reg) .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = (reg)
#define UNLESS_0(reg) .code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = (reg)
/* of 32 bits: a constant that looks negative is not */
#define IF(reg, value) .code = BPF_JMP32 | BPF_JEQ | BPF_K, .dst_reg = (reg), .imm = (int32_t)(value)
#define UNLESS(reg, value) .code = BPF_JMP32 | BPF_JNE | BPF_K, .dst_reg = (reg), .imm = (int32_t)(value)
#define IF_BITS(reg, value) .code = BPF_JMP | BPF_JSET | BPF_K, .dst_reg = (reg), .imm = (int32_t)(value)
#define IF_OF(how, reg, from) .code = BPF_JMP | (how) | BPF_X, .dst_reg = (reg), .src_reg = (from)
