//! The register block that switches the machine off or starts it over, as the ACPI tables describe it, and the other way
//! to start a PC over: by its keyboard controller.

use crate::failure::Failure;
use crate::machine::bus::{Action, Bus, Device, Slot};

/// Ports of the block: sleep control, sleep status, reset.
pub(super) const POWER: Slot = Slot { bus: Bus::Port, address: 0x600, length: 3 };

/// Offsets of the registers.
pub(super) const SLEEP_CONTROL: u64 = 0;
pub(super) const SLEEP_STATUS: u64 = 1;
pub(super) const RESET: u64 = 2;

/// Sleep type of the state that is off.
pub(super) const OFF: u8 = 5;

/// What the reset register takes.
pub(super) const RESET_VALUE: u8 = 1;

/// Where a CPU would start after a reset, and the code there, for real mode: it writes to the reset register.
///
/// Linux restarts by it where the ACPI tables say that there is no hardware but what they name, and no EFI is there.
pub(super) const RESET_VECTOR: u64 = 0xf_fff0;
pub(super) const RESET_CODE: [u8; 7] = {
    let [low, high] = ((POWER.address + RESET) as u16).to_le_bytes();
    // mov dx, PORT; mov al, VALUE; out dx, al; hlt
    [0xba, low, high, 0xb0, RESET_VALUE, 0xee, 0xf4]
};

/// Sleep control: begin to sleep, as the type in the bits above `SLEEP_TYPE` says.
const SLEEP_ENABLE: u8 = 1 << 5;
const SLEEP_TYPE: u32 = 2;

/// The block.
pub(super) struct Power;

impl Device for Power {
    fn read(&self, _offset: u64, data: &mut [u8]) {
        data.fill(0);
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<Action, Failure> {
        Ok(match (offset, data.first()) {
            (SLEEP_CONTROL, Some(&value)) if value == OFF << SLEEP_TYPE | SLEEP_ENABLE => {
                Action::PowerOff
            }
            (RESET, Some(&RESET_VALUE)) => Action::Reset,
            _ => Action::Continue,
        })
    }
}

/// Port of the keyboard controller's commands and status.
pub(super) const KEYBOARD: Slot = Slot { bus: Bus::Port, address: 0x64, length: 1 };

/// The command that pulses the line to the CPU's reset.
const PULSE_RESET: u8 = 0xfe;

/// What is there of a keyboard controller: Linux restarts by it when told `reboot=k`.
pub(super) struct Keyboard;

impl Device for Keyboard {
    /// Says that no byte waits in either direction, so that a command need not.
    fn read(&self, _offset: u64, data: &mut [u8]) {
        data.fill(0);
    }

    fn write(&self, _offset: u64, data: &[u8]) -> Result<Action, Failure> {
        Ok(match data {
            [PULSE_RESET, ..] => Action::Reset,
            _ => Action::Continue,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_command_ends_the_machine() {
        let write = |offset, value| Power.write(offset, &[value]).unwrap();
        assert_eq!(write(SLEEP_CONTROL, 0x34), Action::PowerOff);
        assert_eq!(write(RESET, 1), Action::Reset);
        for (offset, value) in [(0, 0x14), (0, 0x2c), (1, 0x34), (2, 0), (2, 6)] {
            assert_eq!(write(offset, value), Action::Continue, "{offset} {value:#x}");
        }
    }

    #[test]
    fn a_keyboard_controller_takes_commands_and_knows_one() {
        let mut status = [0xff];
        Keyboard.read(0, &mut status);
        assert_eq!(status, [0]);
        let commands: [&[u8]; 4] = [&[PULSE_RESET], &[0xd1], &[0xff], &[]];
        let taken = commands.map(|command| Keyboard.write(0, command).unwrap());
        let nothing = || Action::Continue;
        assert_eq!(taken, [Action::Reset, nothing(), nothing(), nothing()]);
    }
}
