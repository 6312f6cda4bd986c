"""`zajil`: every command on one screen, and the one boundary where errors become sentences and exit codes."""

from __future__ import annotations

import io
import os
import resource
import shlex
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated

import typer
from typer.main import get_command

from zajil.cli.commands import (
    account,
    call,
    chats,
    contacts,
    files,
    groups,
    link,
    messages,
    privacy,
    report,
    run,
    server,
    setup,
    verify,
)
from zajil.cli.commands.calls import relay
from zajil.cli.commands.finding import search
from zajil.cli.commands.joining import links, perms
from zajil.cli.commands.lasting import disappear, ending, export, push, recovery
from zajil.cli.commands.moderation import (
    appeals,
    lists,
    log,
    policy,
    private,
    review,
    scores,
    staff,
    suspensions,
    transparency,
    worker,
)
from zajil.cli.commands.operating import backup, keys, migrate
from zajil.cli.commands.options import HomeFolder, decide_home
from zajil.cli.commands.people import names, strangers
from zajil.cli.commands.profile import profiles
from zajil.cli.commands.profile.profiles import ProfileName, decide_profile, profile_folder
from zajil.cli.commands.public import channel, persona, reading, redress, writing
from zajil.cli.commands.reach import bridge, bundle, net, registry
from zajil.cli.commands.talk import arranging, screen
from zajil.cli.failures import complain
from zajil.cli.frame import Frame
from zajil.cli.help import HelpfulCommand, HelpfulGroup
from zajil.cli.texts import account as account_words
from zajil.cli.texts import chats as chat_words
from zajil.cli.texts import demo as demo_words
from zajil.cli.texts import echo as echo_words
from zajil.cli.texts import general
from zajil.cli.texts import messages as message_words
from zajil.cli.texts import server as server_words
from zajil.cli.texts.calls import bot as bot_words
from zajil.cli.texts.calls import relay as relay_words
from zajil.cli.texts.lasting import ending as ending_words
from zajil.cli.texts.lasting import export as export_words
from zajil.cli.texts.lasting import push as push_words
from zajil.cli.texts.lasting import recovery as recovery_words
from zajil.cli.texts.moderation import accounting as accounting_words
from zajil.cli.texts.moderation import private as private_words
from zajil.cli.texts.moderation import review as review_words
from zajil.cli.texts.moderation import scores as moderation_words
from zajil.cli.texts.moderation import steering as steering_words
from zajil.cli.texts.operating import backup as backup_words
from zajil.cli.texts.operating import keys as key_words
from zajil.cli.texts.operating import migrate as migrate_words
from zajil.cli.texts.people import names as name_words
from zajil.cli.texts.people import strangers as stranger_words
from zajil.cli.texts.public import channel as channel_words
from zajil.cli.texts.public import persona as persona_words
from zajil.cli.texts.public import redress as redress_words
from zajil.cli.texts.reach import bridge as bridge_words
from zajil.cli.texts.reach import bundle as bundle_words
from zajil.cli.texts.reach import net as net_words
from zajil.cli.texts.reach import registry as registry_words
from zajil.cli.texts.talk import arranging as arranging_words
from zajil.cli.texts.talk import disappear as disappear_words
from zajil.cli.texts.talk import files as file_words
from zajil.cli.texts.talk import growing as growing_words
from zajil.cli.texts.talk import joins as join_words
from zajil.cli.texts.talk import profiles as profile_words
from zajil.cli.texts.talk import screen as screen_words
from zajil.cli.texts.talk import search as search_words
from zajil.cli.texts.text import PROGRAM, Text

_Command = tuple[str, Callable[..., None], Text]

_PEOPLE: tuple[_Command, ...] = (
    ("register", account.register, account_words.REGISTER),
    ("whoami", account.whoami, account_words.WHOAMI),
    ("profiles", profiles.profiles, profile_words.PROFILES),
    ("contact-link", strangers.contact_link, stranger_words.CONTACT_LINK),
    ("add", contacts.add, account_words.ADD),
    ("contacts", contacts.contacts, account_words.CONTACTS),
    ("requests", strangers.requests, stranger_words.REQUESTS),
    ("block", strangers.block, stranger_words.BLOCK),
    ("unblock", strangers.unblock, stranger_words.UNBLOCK),
    ("verify", contacts.verify, account_words.VERIFY),
    ("privacy", privacy.privacy, account_words.PRIVACY),
    ("devices", account.devices, account_words.DEVICES),
    ("doctor", account.doctor, account_words.DOCTOR),
)
_LINK: tuple[_Command, ...] = (
    ("new", link.new, account_words.LINK_NEW),
    ("approve", link.approve, account_words.LINK_APPROVE),
)
_USERNAME: tuple[_Command, ...] = (
    ("set", strangers.set_username, stranger_words.USERNAME_SET),
    ("show", strangers.show_username, stranger_words.USERNAME_SHOW),
    ("release", strangers.release_username, stranger_words.USERNAME_RELEASE),
)
_RECOVERY: tuple[_Command, ...] = (
    ("show", recovery.show, recovery_words.SHOW),
    ("confirm", recovery.confirm, recovery_words.CONFIRM),
    ("status", recovery.status, recovery_words.STATUS),
    ("rotate", recovery.rotate, recovery_words.ROTATE),
    ("restore", recovery.restore, recovery_words.RESTORE),
)
_PUSH: tuple[_Command, ...] = (
    ("set", push.set_, push_words.SET),
    ("status", push.status, push_words.STATUS),
    ("off", push.off, push_words.OFF),
)
_ACCOUNT: tuple[_Command, ...] = (("delete", ending.delete, ending_words.DELETE),)
_CHATS: tuple[_Command, ...] = (
    ("chats", chats.chats, chat_words.CHATS),
    ("chat", screen.chat, screen_words.CHAT),
    ("send", chats.send, chat_words.SEND),
    ("read", chats.read, chat_words.READ),
    ("search", search.search, search_words.SEARCH),
    ("react", messages.react, message_words.REACT),
    ("edit", messages.edit, message_words.EDIT),
    ("delete", messages.delete, message_words.DELETE),
    ("save", files.save, file_words.SAVE),
    ("disappear", disappear.disappear, disappear_words.DISAPPEAR_COMMAND),
    ("draft", arranging.draft, arranging_words.DRAFT),
    ("pin", arranging.pin, arranging_words.PIN),
    ("unpin", arranging.unpin, arranging_words.UNPIN),
    ("archive", arranging.archive, arranging_words.ARCHIVE),
    ("unarchive", arranging.unarchive, arranging_words.UNARCHIVE),
    ("mute", arranging.mute, arranging_words.MUTE),
    ("unmute", arranging.unmute, arranging_words.UNMUTE),
    ("report", report.report, message_words.REPORT),
    ("join", links.join, join_words.JOIN),
    ("sync", chats.sync, chat_words.SYNC),
    ("export", export.export, export_words.EXPORT),
)
_CALL: tuple[_Command, ...] = (("bot", call.bot, bot_words.CALL_BOT),)
_GROUPS: tuple[_Command, ...] = (
    ("create", groups.create, chat_words.GROUP_CREATE),
    ("add", groups.add, chat_words.GROUP_ADD),
    ("remove", groups.remove, chat_words.GROUP_REMOVE),
    ("rename", groups.rename, chat_words.GROUP_RENAME),
    ("promote", groups.promote, chat_words.GROUP_PROMOTE),
    ("demote", groups.demote, chat_words.GROUP_DEMOTE),
    ("leave", groups.leave, chat_words.GROUP_LEAVE),
    ("grow", groups.grow, growing_words.GROW),
    ("perms", perms.perms, join_words.GROUP_PERMS),
    ("link", links.link, join_words.GROUP_LINK),
    ("requests", links.requests, join_words.GROUP_REQUESTS),
)
_PERSONA: tuple[_Command, ...] = (
    ("create", persona.create, persona_words.CREATE),
    ("list", persona.list_, persona_words.LIST),
    ("delete", persona.delete, persona_words.DELETE),
)
_CHANNEL: tuple[_Command, ...] = (
    ("create", channel.create, channel_words.CREATE),
    ("list", channel.list_, channel_words.LIST),
    ("post", writing.post, channel_words.POST),
    ("edit", writing.edit, channel_words.EDIT),
    ("delete", channel.delete, channel_words.DELETE),
    ("read", reading.read, channel_words.READ),
    ("search", reading.search, channel_words.SEARCH),
    ("subscribe", channel.subscribe, channel_words.SUBSCRIBE),
    ("report", redress.report, redress_words.REPORT),
)
_REDRESS: tuple[_Command, ...] = (
    ("notices", redress.notices, redress_words.NOTICES),
    ("appeal", redress.appeal, redress_words.APPEAL),
)
_BUNDLE: tuple[_Command, ...] = (
    ("export", bundle.export, bundle_words.EXPORT),
    ("import", bundle.import_, bundle_words.IMPORT),
)
_NET: tuple[_Command, ...] = (
    ("probe", net.probe, net_words.PROBE),
    ("add", net.add, net_words.ADD),
    ("share", net.share, net_words.SHARE),
    ("remove", net.remove, net_words.REMOVE),
    ("proxy", net.proxy, net_words.PROXY),
    ("prefer", net.prefer, net_words.PREFER),
    ("forget", net.forget, net_words.FORGET),
)
_SERVER: tuple[_Command, ...] = (
    ("run", run.run, server_words.RUN),
    ("demo", run.demo, demo_words.DEMO),
    ("init", setup.init, server_words.INIT),
    ("serve", server.serve, server_words.SERVE),
    ("backup", backup.backup, backup_words.BACKUP),
    ("restore", backup.restore, backup_words.RESTORE),
    ("migrate", migrate.migrate, migrate_words.MIGRATE),
    ("data-inventory", server.data_inventory, server_words.INVENTORY),
    ("verify-web", verify.verify_web, server_words.VERIFY_WEB),
)
_CALLS: tuple[_Command, ...] = (
    ("relay-config", relay.relay_config, relay_words.CONFIG),
    ("relay-check", relay.relay_check, relay_words.CHECK),
)
_BRIDGE: tuple[_Command, ...] = (
    ("init", bridge.init, bridge_words.INIT),
    ("up", bridge.up, bridge_words.UP),
    ("check", bridge.check, bridge_words.CHECK),
)
_MODERATION: tuple[_Command, ...] = (
    ("classify", scores.classify, moderation_words.CLASSIFY),
    ("evaluate", scores.evaluate, moderation_words.EVALUATE),
    ("worker", worker.worker, steering_words.WORKER),
    ("report", transparency.report, accounting_words.REPORT),
)
_REVIEW: tuple[_Command, ...] = (
    ("login", staff.login, review_words.LOGIN),
    ("logout", staff.logout, review_words.LOGOUT),
    ("queue", review.queue, review_words.QUEUE),
    ("claim", review.claim, review_words.CLAIM),
    ("show", review.show, review_words.SHOW),
    ("decide", review.decide, review_words.DECIDE),
    ("release", review.release, review_words.RELEASE),
    ("skip", review.skip, review_words.SKIP),
    ("undo", review.undo, review_words.UNDO),
    ("appeals", appeals.appeals, review_words.APPEALS),
)
_STAFF: tuple[_Command, ...] = (
    ("invite", staff.invite, review_words.STAFF_INVITE),
    ("list", staff.list_, review_words.STAFF_LIST),
    ("revoke", staff.revoke, review_words.STAFF_REVOKE),
)
_APPEAL: tuple[_Command, ...] = (
    ("show", appeals.show, review_words.APPEAL_SHOW),
    ("claim", appeals.claim, review_words.APPEAL_CLAIM),
    ("decide", appeals.decide, review_words.APPEAL_DECIDE),
)
_PRIVATE: tuple[_Command, ...] = (
    ("list", private.list_, private_words.LIST),
    ("unlock", private.unlock, private_words.UNLOCK),
    ("lock", private.lock, private_words.LOCK),
    ("passphrase", private.passphrase, private_words.PASSPHRASE),
    ("claim", private.claim, private_words.CLAIM),
    ("show", private.show, private_words.SHOW),
    ("release", private.release, private_words.RELEASE),
    ("close", private.close, private_words.CLOSE),
    ("propose", private.propose, private_words.PROPOSE),
    ("confirm", private.confirm, private_words.CONFIRM),
    ("refuse", private.refuse, private_words.REFUSE),
    ("measures", private.measures, private_words.MEASURES),
    ("undo", private.undo, private_words.UNDO),
)
_POLICY: tuple[_Command, ...] = (
    ("check", policy.check, steering_words.POLICY_CHECK),
    ("diff", policy.diff, steering_words.POLICY_DIFF),
    ("replay", policy.replay, steering_words.POLICY_REPLAY),
    ("activate", policy.activate, steering_words.POLICY_ACTIVATE),
)
_LISTS: tuple[_Command, ...] = (
    ("show", lists.show, steering_words.LISTS_SHOW),
    ("add", lists.add, steering_words.LISTS_ADD),
    ("remove", lists.remove, steering_words.LISTS_REMOVE),
)
_SUSPENSIONS: tuple[_Command, ...] = (
    ("show", suspensions.show, steering_words.SUSPENSIONS_SHOW),
    ("lift", suspensions.lift, steering_words.SUSPENSIONS_LIFT),
)
_LOG: tuple[_Command, ...] = (
    ("verify", log.verify, steering_words.LOG_VERIFY),
    ("export", log.export, steering_words.LOG_EXPORT),
    ("key", log.key, steering_words.LOG_KEY),
)
_ADMIN: tuple[_Command, ...] = (
    ("invite", server.invite, server_words.ADMIN_INVITE),
    ("disclose", server.disclose, accounting_words.DISCLOSE),
    ("delete-account", server.delete_account, accounting_words.DELETE_ACCOUNT),
    ("move", backup.move, backup_words.MOVE),
    ("renumber", backup.renumber, backup_words.RENUMBER),
    ("push-forget", push.forget, push_words.FORGET),
)
_ADMIN_NAME: tuple[_Command, ...] = (
    ("reserve", names.reserve, name_words.RESERVE),
    ("release", names.release, name_words.RELEASE),
)
_ADMIN_KEYS: tuple[_Command, ...] = (
    ("rotate", keys.rotate, key_words.ROTATE),
    ("accept-loss", keys.accept_loss, key_words.ACCEPT_LOSS),
)
_ADMIN_BRIDGES: tuple[_Command, ...] = (
    ("list", registry.list_, registry_words.LIST),
    ("invite", registry.invite, registry_words.INVITE),
    ("public", registry.public, registry_words.PUBLIC),
    ("remove", registry.remove, registry_words.REMOVE),
)


def _group(words: Text, commands: Sequence[_Command] = ()) -> typer.Typer:
    group = typer.Typer(
        cls=HelpfulGroup, help=words(), add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False
    )
    _fill(group, commands)
    return group


def _fill(group: typer.Typer, commands: Sequence[_Command], *, panel: str | None = None, hidden: bool = False) -> None:
    for name, function, words in commands:
        group.command(name, cls=HelpfulCommand, help=words(), rich_help_panel=panel, hidden=hidden)(function)


def _build() -> typer.Typer:
    """The whole command tree, its help in the language of this process."""
    root = typer.Typer(
        cls=HelpfulGroup,
        help=general.APP(),
        epilog=f"{general.START_HERE()}\n{general.LANGUAGE_NOTE()}",
        add_completion=True,
        pretty_exceptions_enable=False,
    )
    root.callback(invoke_without_command=True)(_root)
    people, talk, serving = general.PEOPLE_COMMANDS(), general.CHAT_COMMANDS(), general.SERVER_COMMANDS()
    _fill(root, _PEOPLE, panel=people)
    root.add_typer(_group(account_words.LINK, _LINK), name="link", rich_help_panel=people)
    root.add_typer(_group(stranger_words.USERNAME, _USERNAME), name="username", rich_help_panel=people)
    root.add_typer(_group(ending_words.ACCOUNT, _ACCOUNT), name="account", rich_help_panel=people)
    root.add_typer(_group(recovery_words.RECOVERY, _RECOVERY), name="recovery", rich_help_panel=people)
    root.add_typer(_group(push_words.PUSH, _PUSH), name="push", rich_help_panel=people)
    _fill(root, _CHATS, panel=talk)
    root.add_typer(_group(chat_words.GROUP, _GROUPS), name="group", rich_help_panel=talk)
    root.add_typer(_group(bot_words.CALL, _CALL), name="call", rich_help_panel=talk)
    root.add_typer(_group(bundle_words.BUNDLE, _BUNDLE), name="bundle", rich_help_panel=talk)
    root.add_typer(_group(net_words.NET, _NET), name="net", rich_help_panel=people)
    public = persona_words.PUBLIC_COMMANDS()
    root.add_typer(_group(persona_words.PERSONA, _PERSONA), name="persona", rich_help_panel=public)
    root.add_typer(_group(channel_words.CHANNEL, _CHANNEL), name="channel", rich_help_panel=public)
    _fill(root, _REDRESS, panel=public)
    _fill(root, _SERVER, panel=serving)
    admin = _group(server_words.ADMIN, _ADMIN)
    admin.add_typer(_group(name_words.NAMES, _ADMIN_NAME), name="name")
    admin.add_typer(_group(registry_words.BRIDGES, _ADMIN_BRIDGES), name="bridges")
    admin.add_typer(_group(key_words.KEYS, _ADMIN_KEYS), name="keys")
    root.add_typer(admin, name="admin", rich_help_panel=serving)
    moderation = _group(moderation_words.MODERATION, (*_MODERATION, *_REVIEW))
    moderation.add_typer(_group(review_words.STAFF, _STAFF), name="staff")
    moderation.add_typer(_group(review_words.APPEAL, _APPEAL), name="appeal")
    moderation.add_typer(_group(private_words.PRIVATE, _PRIVATE), name="private")
    moderation.add_typer(_group(steering_words.POLICY, _POLICY), name="policy")
    moderation.add_typer(_group(steering_words.LISTS, _LISTS), name="lists")
    moderation.add_typer(_group(steering_words.SUSPENSIONS, _SUSPENSIONS), name="suspensions")
    moderation.add_typer(_group(steering_words.LOG, _LOG), name="log")
    root.add_typer(moderation, name="moderation", rich_help_panel=serving)
    root.add_typer(_group(bridge_words.BRIDGE, _BRIDGE), name="bridge", rich_help_panel=serving)
    root.add_typer(_group(relay_words.CALLS, _CALLS), name="calls", rich_help_panel=serving)
    _fill(root, (("echo", run.echo, echo_words.ECHO),), hidden=True)
    return root


def _root(
    context: typer.Context,
    *,
    home: HomeFolder = None,
    profile: ProfileName = None,
    debug: Annotated[bool, typer.Option("--debug", help=general.DEBUG_OPTION())] = False,
    version: Annotated[bool, typer.Option("--version", help=general.VERSION_OPTION())] = False,
) -> None:
    program = "zajil" if home is None else f"zajil --home {shlex.quote(str(home))}"
    PROGRAM.set(program if profile is None else f"{program} --profile {profile}")
    base, chosen = decide_home(home), decide_profile(profile)
    context.obj = Frame(home=profile_folder(base, chosen), debug=debug, profile=chosen, base=base)
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"zajil {installed('zajil')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), nl=False)


app = _build()


@cache
def _tree() -> Callable[..., object]:
    """The commands as they run: Typer makes the whole tree of them anew at each call of `app`."""
    return get_command(app)


def run_command(arguments: Sequence[str]) -> int:
    """Run one command line; the exit code. Everything that goes wrong is said on stderr, nothing is raised."""
    program = PROGRAM.set("zajil")
    try:
        outcome = _tree()(list(arguments), prog_name="zajil", standalone_mode=False)
    except BaseException as error:  # noqa: BLE001  # the boundary: the person gets a sentence, --debug the traceback
        return complain(error, debug="--debug" in arguments)
    finally:
        PROGRAM.reset(program)
    return outcome if isinstance(outcome, int) else 0


def main() -> None:
    """The console script."""
    # A core file would hold keys and texts (mls.md 7.12).
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    code = run_command(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


if __name__ == "__main__":
    main()
