"""Lists the nodes."""

from kedro.pipeline import Pipeline, node, pipeline

from nextact.pipelines.feedback import nodes

EVENT_TYPES = "params:events.event_types"
SHOWN, COUNTS = "accepted_feedback", "feedback_counts"
LOGGED = {
    "shown": SHOWN,
    "counts": COUNTS,
    "recommendations": "recommendations",
    "events": "events",
    "certificate": "certificate",
    "event_types": EVENT_TYPES,
}


def create_pipeline() -> Pipeline:
    """The feedback table to reports, and to events for the next training."""
    return pipeline(
        [
            node(
                nodes.clean,
                ["feedback", "erased_users", "params:feedback.table", EVENT_TYPES],
                [SHOWN, "rejected_feedback", COUNTS],
                name="clean_feedback",
            ),
            node(nodes.response_events, SHOWN, "feedback_events", name="responses_as_events"),
            node(
                nodes.report,
                {**LOGGED, "vocabulary": "vocabulary", "options": "params:feedback.report"},
                "feedback_report",
                name="report_feedback",
            ),
            node(nodes.plot, "feedback_report", "response_by_rank", name="plot_response_by_rank"),
            node(
                nodes.judge_policies,
                {**LOGGED, "options": "params:feedback.off_policy"},
                "off_policy_report",
                name="judge_policies",
            ),
        ]
    )
