// SPDX-License-Identifier: GPL-2.0-or-later

//! The program as an operator runs it, beside consoles that answer in every way, and clients of every kind. That it
//! understands a real engine's console is shown in `tests/cluster`.

mod clients;
mod console;
mod consoles;
mod monitor;
mod options;
