/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A command begun for who called, however it was asked for. Each gives a status, and fills what went wrong. */

#include "ffi-sandbox.h"

/* ret is empty before. */
int32_t run_captured(const SandboxStart *start, MxcRunResult *ret);
/* *ret is NULL before. */
int32_t start_streaming(const SandboxStart *start, MxcSandbox **ret, MxcErrorDetail *ret_error);
