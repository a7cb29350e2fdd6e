/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "template.h"

/* A command in a cage that stands; all of it borrowed. */
typedef struct Command {
        char **argv;
        size_t n_argv;
        char **env;
        size_t n_env;
        const char *cwd;
        bool pty;
        uint32_t rows, columns;
        const int *stdio;            /* unless pty */
        StatusPage *page;        /* where a sandbox's own command says that it is ready; NULL: by a message */
        int report;                  /* SetupMessage, see cage.h */
        bool tell_pidfd;             /* send a pidfd of the command along */
        int group;                   /* with that: where it moves itself first, exec-group.h */
        const struct Mediator *mediator; /* or NULL: nobody mediates */
        const Filters *filters;  /* one of them is loaded last */
        const struct Cage *prove;    /* or NULL: not the command but the proof of this cage */
} Command;

/* In a fresh child of pid 1: becomes the command. Does not return. */
_Noreturn void command_run(const Command *c);
