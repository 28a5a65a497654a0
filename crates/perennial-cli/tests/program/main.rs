//! The program from outside: what it prints, how it exits, what it leaves behind.

mod bad_input;
mod contract;
mod resume;
mod run;
mod same_numbers;
