/*
 * Writes a line to the engine's log for each change of a node's state, and an alarm for one that matters.
 *
 * In javascript.conf:
 *
 *   [scripts]
 *   cluster=THE/PATH/OF/cluster-events.js
 *
 * docs/operation.md, "Events", has the parameters of the message.
 */

function onNode(msg)
{
    var text = "Node " + msg.node + " is " + msg.state + " and " + msg.admin;
    if (msg.event == "backup")
	text += ", its backup is '" + msg.backup + "'";
    else if (msg.event == "evacuation")
	text += ", channels left: " + msg.channels;
    else
	text += ": " + msg.reason;
    if (msg.event == "health" && msg.state == "down")
	Engine.alarm("cluster",Engine.DebugWarn,text);
    else
	Engine.debug(Engine.DebugNote,text);
    // Others hear of it, too.
    return false;
}

Message.install(onNode,"cluster.node",100);
