#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace epsim {

/// [measure]
struct MeasureOptions {
    int warmup = 1;  ///< passes before the measured ones; kept, flagged
    int min_passes = 6;
    int max_passes = 0;             ///< never more than these; 0 = no limit
    double target_ci = 0;           ///< relative half-width of the step time's 95 % interval at
                                    ///< which to stop after min_passes; 0 = do not go on for it
    std::string start = "aligned";  ///< aligned | free
    std::string verify = "auto";    ///< auto | full | N (tokens a step and layer) | off
    std::string probe = "quick";    ///< of the machine's ceilings before all else: quick | off
    bool exchange_only = false;     ///< no experts: exchanges of rows, size by size
    bool pairs = false;             ///< of exchange_only: a map of all pairs of ranks instead
    std::string turns_file;  ///< what runs that measure by turns have in common; empty = none
    int turns_runs = 2;      ///< how many they are
    double timeout_s = 0;    ///< end in order after this time, start-up included; 0 = never
    double stall_s = 600;    ///< end the job after this time without progress; 0 = never
};

/// [step]
struct StepOptions {
    int micro_batches = 1;  ///< of a rank's tokens; 2 = one communicates while the other computes
};

/// [sizes]: of the exchanges of measure.exchange_only, bytes that the busiest rank sends or
/// receives.
struct SizeOptions {
    std::optional<int64_t> begin, end;  ///< none: 8 and 64M; of recorded traffic: as recorded
    int64_t factor = 2;                 ///< each size is so many times the one before
    int64_t row_bytes = 0;  ///< of a row; 0 = 1, where rows are handed on 4096, of traffic as
                            ///< recorded: the model's
};

/// [inject]: a disturbance that is known, to test what a measurement makes of it.
struct InjectOptions {
    std::string phase = "none";  ///< where; the name of a phase
    int rank = -1;               ///< whose; -1 = all
    double delay_us = 0;         ///< before a collective phase, at the start of a local one
    double slowdown = 1;         ///< the phase takes this many times as long
};

}  // namespace epsim
