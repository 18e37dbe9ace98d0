"""Run the emulator alone: python -m demo.emulator [port]."""

import sys
import threading

from demo.emulator.records import Profile
from demo.emulator.server import Emulator

PEOPLE = (
    Profile(name="Оксана Гнатюк", country="UA", language="uk-UA", phone_number="380671234567"),
    Profile(name="Nino Beridze", country="GE", language="ka-GE", devices=2),
    Profile(name="Jonas Weber", country="DE", language="de-DE", auto_read=True),
)


def main() -> None:
    """Serve one bot and three phones until interrupted."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8090
    emulator = Emulator(port=port)
    bot = emulator.world.add_bot("Кав'ярня «Зерно»", uri="zerno")
    for profile in PEOPLE:
        emulator.world.add_phone(profile)
    emulator.start()
    print(f"Viber's API   {emulator.api_url}\nPhones        {emulator.url}/phone")
    print(f"Bot           {bot.name}, key {bot.key}")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        emulator.stop()


if __name__ == "__main__":
    main()
