// The line that the program prints.
#pragma once

#include <stdarg.h>

#include "ledger.h"

static char line[16384];

static void put(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(line + strlen(line), sizeof(line) - strlen(line), format, values);
    va_end(values);
}

static void put_entries(const char *name, const struct entry *list)
{
    put(",\"%s\":[", name);
    for (int i = 0; list[i].operations; i++)
        put("%s{\"operation\":\"%s\",\"code\":\"%s\",\"operations\":%ld,\"bytes\":%ld}", i ? "," : "", list[i].operation,
            list[i].code, list[i].operations, list[i].bytes);
    put("]");
}

static void put_ledger(const struct ledger *ledger)
{
    put("{\"pid\":%d,\"copies\":{\"user_to_kernel_bytes\":%ld,\"kernel_to_user_bytes\":%ld,\"kernel_to_kernel_bytes\":%ld,"
        "\"user_to_user_bytes\":%ld,\"avoided_bytes\":%ld,\"payload_in_bytes\":%ld,\"payload_out_bytes\":%ld",
        ledger->pid, ledger->user_to_kernel, ledger->kernel_to_user, ledger->kernel_to_kernel, ledger->user_to_user,
        ledger->avoided, ledger->payload_in, ledger->payload_out);
    if (ledger->dma_in >= 0)
        put(",\"dma_in_bytes\":%ld", ledger->dma_in);
    if (ledger->dma_out >= 0)
        put(",\"dma_out_bytes\":%ld", ledger->dma_out);
    put("},\"confirmed_bytes\":%ld", ledger->confirmed);
    put_entries("hidden", ledger->hidden);
    put_entries("hints", ledger->hints);
    put(",\"pairs\":[");
    for (const struct pair *pair = ledger->pairs; pair->operations; pair++)
        put("%s{\"source\":%d,\"sink\":%d,\"charged\":%d,\"operations\":%ld,\"bytes\":%ld,\"avoided_bytes\":%ld,"
            "\"kernel_to_kernel_bytes\":%ld}", pair > ledger->pairs ? "," : "", pair->source, pair->sink, pair->charged,
            pair->operations, pair->bytes, pair->avoided, pair->kernel_to_kernel);
    put("],\"threads\":[");
    for (const struct thread_ledger *thread = ledger->threads; thread->tid; thread++)
        put("%s{\"tid\":%ld,\"payload_in_bytes\":%ld,\"payload_out_bytes\":%ld,\"user_to_kernel_bytes\":%ld,"
            "\"kernel_to_user_bytes\":%ld}", thread > ledger->threads ? "," : "", thread->tid, thread->payload_in,
            thread->payload_out, thread->user_to_kernel, thread->kernel_to_user);
    put("]}");
}
